// A Modbus server whose register i holds i: node pattern_server.js jsmodbus|modbus-serial PORT.
// As their documentation shows; npm install in tests/interop/node brings the packages.
"use strict";

const net = require("net");
const path = require("path");

const HOST = "127.0.0.1";
const REGISTERS = 65536;
const [, , kind, port] = process.argv;
const found = require(path.join(__dirname, "../../tests/interop/node/node_modules", kind));

const SERVERS = {
    "jsmodbus": () => {
        const holding = Buffer.alloc(2 * REGISTERS);
        for (let number = 0; number < REGISTERS; number += 1) {
            holding.writeUInt16BE(number, 2 * number);
        }
        const link = new net.Server();
        new found.server.TCP(link, { holding });
        link.listen(Number(port), HOST);
    },
    "modbus-serial": () => {
        const vector = { getMultipleHoldingRegisters: (first, count, _unit, done) =>
            done(null, Array.from({ length: count }, (_, place) => first + place)) };
        new found.ServerTCP(vector, { host: HOST, port: Number(port), unitID: 1 });
    },
};

SERVERS[kind]();
