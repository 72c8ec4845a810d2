// A port whose network is a VLAN of QEMU's user network: on the way between them this process adds and removes the tag,
// as a switch does. Frames without the tag are dropped.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import { freePort } from '../../initramfs/machine/free-port.ts';

/** The two addresses at the start of a frame. */
const addressBytes = 12;
/** The bytes of a tag with this number. Source: IEEE 802.1Q. */
const tagOf = (id: number): Buffer => Buffer.of(0x81, 0x00, id >> 8, id & 0xff);

async function listen(): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onTestFinished(() => void socket.close());
  return socket;
}

/** QEMU's arguments for such a port. */
export async function taggedPort(id: number, mac: string): Promise<string[]> {
  const tag = tagOf(id);
  const [tagged, plain] = [await listen(), await listen()];
  const [taggedEnd, plainEnd] = [await freePort(), await freePort()];
  tagged.on('message', (frame) => {
    if (!frame.subarray(addressBytes, addressBytes + tag.length).equals(tag)) return;
    const rest = frame.subarray(addressBytes + tag.length);
    plain.send(Buffer.concat([frame.subarray(0, addressBytes), rest]), plainEnd, '127.0.0.1');
  });
  plain.on('message', (frame) => {
    const parts = [frame.subarray(0, addressBytes), tag, frame.subarray(addressBytes)];
    tagged.send(Buffer.concat(parts), taggedEnd, '127.0.0.1');
  });
  const between = (socket: Socket, end: number): string =>
    `udp=127.0.0.1:${socket.address().port},localaddr=127.0.0.1:${end}`;
  return [
    ...['-netdev', `socket,id=tagged,${between(tagged, taggedEnd)}`],
    ...['-device', `virtio-net-pci,netdev=tagged,id=nic-tagged,mac=${mac},romfile=`],
    ...['-netdev', 'user,id=far', '-netdev', `socket,id=near,${between(plain, plainEnd)}`],
    ...[
      '-netdev',
      'hubport,id=h1,hubid=0,netdev=far',
      '-netdev',
      'hubport,id=h2,hubid=0,netdev=near',
    ],
  ];
}
