// A DHCP server that offers one address and acknowledges others, one after another, as one does that forgot its offer.
// Arguments: its own address, the one that it offers, those that it acknowledges.
import { createSocket } from 'node:dgram';
import { argv } from 'node:process';
import { messageTypes, readRequest, writeReply } from '../../../src/netboot/dhcp/packet.ts';

const [server = '', offered = '', ...given] = argv.slice(2);
const yiaddr = 16;

function bytesOf(address: string): Uint8Array {
  return Uint8Array.from(address.split('.'), Number);
}

const options = new Map([
  [1, bytesOf('255.255.255.0')],
  [3, bytesOf(server)],
  // A minute, so that a machine asks again after half of it.
  [51, Uint8Array.of(0, 0, 0, 60)],
]);
const socket = createSocket({ type: 'udp4', reuseAddr: true });
socket.on('message', (message) => {
  const request = readRequest(message);
  if (request === undefined) return;
  const isDiscover = request.type === messageTypes.discover;
  if (!isDiscover && request.type !== messageTypes.request) return;
  const type = isDiscover ? messageTypes.offer : messageTypes.ack;
  const address = isDiscover ? offered : given.length > 1 ? given.shift() : given[0];
  const reply = writeReply(request, { type, server, file: undefined, options });
  reply.set(bytesOf(address ?? ''), yiaddr);
  socket.send(reply, 68, '255.255.255.255');
});
socket.bind(67, () => socket.setBroadcast(true));
