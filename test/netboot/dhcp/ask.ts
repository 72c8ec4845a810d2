// A program for network namespaces: asks everybody as UEFI's PXE client does, then who answered, and fetches its
// loader. Prints a line for each step, and asks until it is answered.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { clientRequest, readReply } from './client.ts';

const uefi = { architecture: 7, vendorClass: 'PXEClient:Arch:00007:UNDI:003000' };
/** Machines ask again, too. */
const againMs = 100;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const socket = createSocket('udp4');
socket.bind(68);
await once(socket, 'listening');
socket.setBroadcast(true);

/** The port that the next answer comes from; 0 for any but those before. Others are repeats. */
let expected = 67;
socket.on('message', (bytes, from) => {
  const source = `from ${from.address}:${from.port}`;
  if (from.port === 67 && expected === 67) {
    clearInterval(timer);
    say(`offer ${readReply(bytes).file} ${source}`);
    expected = 4011;
    socket.send(clientRequest({ ...uefi, type: 3 }), 4011, from.address);
  } else if (from.port === 4011 && expected === 4011) {
    const { file } = readReply(bytes);
    say(`confirmation ${file} ${source}`);
    expected = 0;
    socket.send(`\0\x01${file}\0octet\0`, 69, from.address);
  } else if (from.port !== 67 && from.port !== 4011 && expected === 0) {
    say(`file ${bytes.subarray(4).toString()}`);
    socket.close();
  }
});
const everybody = (): void => {
  socket.send(clientRequest(uefi), 67, '255.255.255.255');
  say('asked');
};
const timer = setInterval(everybody, againMs);
everybody();
