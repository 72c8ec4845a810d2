// ProxyDHCP over real sockets on loopback, at ports that take no rights.
import { describe, expect, it } from 'vitest';
import { connectTo, everybody } from '../../src/netboot/udp.ts';
import { clientRequest, readReply } from './dhcp/client.ts';
import { address, start, socketAt, message } from './sockets.ts';

/** The machine that `clientRequest` speaks for. */
const machineMac = '52:54:00:00:00:01';

const uefi = { architecture: 7, vendorClass: 'PXEClient:Arch:00007:UNDI:003000' };

describe('ProxyDHCP', () => {
  it('offers through a relay, and confirms to who asks at port 4011', async () => {
    const { dhcp, pxe, said } = await start();
    const relay = await socketAt('127.0.0.2', dhcp);
    relay.send(clientRequest({ ...uefi, relay: '127.0.0.2' }), dhcp, address);
    const offer = await message(relay);
    expect(offer.from).toMatchObject({ address, port: dhcp });
    expect(readReply(offer.bytes)).toMatchObject({ type: 2, file: 'x86_64/ipxe.efi' });
    const client = await socketAt();
    client.send(clientRequest({ ...uefi, type: 3 }), pxe, address);
    expect(readReply((await message(client)).bytes)).toMatchObject({
      type: 5,
      file: 'x86_64/ipxe.efi',
      siaddr: address,
    });
    expect(said).toEqual(['told a machine what to boot: x64 UEFI']);
  });

  it('offers shim to the machine for which the operator chose it', async () => {
    const { pxe } = await start({ shimmed: machineMac });
    const client = await socketAt();
    client.send(clientRequest({ ...uefi, type: 3 }), pxe, address);
    expect(readReply((await message(client)).bytes).file).toBe('x86_64/shimx64.efi');
  });

  it('goes on after packets that are none, and says which machine it has no loader for', async () => {
    const { pxe, said } = await start();
    const client = await socketAt();
    for (const junk of ['', 'x', clientRequest(uefi).subarray(0, 250)])
      client.send(junk, pxe, address);
    client.send(
      clientRequest({ type: 3, architecture: 6, vendorClass: 'PXEClient:' }),
      pxe,
      address,
    );
    client.send(clientRequest({ ...uefi, type: 3 }), pxe, address);
    expect(readReply((await message(client)).bytes).type).toBe(5);
    expect(said[0]).toBe('there is no loader for a machine that asks to boot: 32-bit UEFI');
  });
});

it('a socket that cannot be connected is not used', async () => {
  const socket = await socketAt();
  // It may not send to everybody unless it is told to.
  await expect(connectTo(socket, 9, everybody)).rejects.toMatchObject({ code: 'EACCES' });
});
