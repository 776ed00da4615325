"""`essgw` itself with the stand-in for SocketCAN: `python -m bench.essgw_process run SITE --bus can0=socketcan:HEARS/TELLS`."""

from bench import datagram
from gateway.__main__ import main

if __name__ == "__main__":
    datagram.register()
    main()
