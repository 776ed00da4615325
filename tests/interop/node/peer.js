// A Modbus client behind a pipe: node peer.js CLIENT PORT UNIT.
// Each line in is ["method", argument...] in JSON; each line out is what the client made of it.
"use strict";

const net = require("net");
const readline = require("readline");

const HOST = "127.0.0.1";
const PATIENCE = 20000; // ms

const CLIENTS = {
    "modbus-serial": async (port, unit) => {
        const ModbusRTU = require("modbus-serial");
        const client = new ModbusRTU();
        await client.connectTCP(HOST, { port });
        client.setID(unit);
        client.setTimeout(PATIENCE);
        return {
            client,
            told: (result) => result,
            refused: (error) => ({ code: error.modbusCode, text: error.message }),
        };
    },
    "jsmodbus": async (port, unit) => {
        const jsmodbus = require("jsmodbus");
        const socket = new net.Socket();
        const client = new jsmodbus.client.TCP(socket, unit, PATIENCE);
        await new Promise((resolve, reject) => {
            socket.once("error", reject);
            socket.connect({ host: HOST, port }, resolve);
        });
        return {
            client,
            told: ({ response: { body } }) => ({ data: body.valuesAsArray, value: body.value }),
            refused: (error) => ({
                code: error.err === "ModbusException" ? error.response.body.code : undefined,
                text: `${error.err}: ${error.message}`,
            }),
        };
    },
};

async function main(name, port, unit) {
    const { client, told, refused } = await CLIENTS[name](Number(port), Number(unit));
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const [method, ...given] = JSON.parse(line);
        let answer;
        try {
            answer = { result: told(await client[method](...given)) };
        } catch (error) {
            answer = { refusal: refused(error) };
        }
        process.stdout.write(JSON.stringify(answer) + "\n");
    }
    process.exit(0);
}

main(...process.argv.slice(2)).catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
});
