// ProxyDHCP without sockets: who is answered, with what, and what hostile packets come to.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answer, type Offers } from '../../../src/netboot/dhcp/proxy.ts';
import { readRequest } from '../../../src/netboot/dhcp/packet.ts';
import { clientRequest, readReply } from './client.ts';

const all: Offers = {
  address: '192.0.2.1',
  script: 'start.ipxe',
  filesUrl: 'http://192.0.2.1:3000/boot',
  has: () => true,
  loader: 'ipxe',
};

function ask(bytes: Uint8Array, port: 'dhcp' | 'pxe' = 'dhcp', offers = all) {
  const request = readRequest(bytes);
  const answered = request && answer(request, port, offers);
  return answered?.reply && readReply(answered.reply);
}

describe('a machine is offered the loader of its kind', () => {
  it.each([
    [0, 'PXEClient:Arch:00000:UNDI:002001', 'x86_64/undionly.kpxe'],
    [7, 'PXEClient:Arch:00007:UNDI:003000', 'x86_64/ipxe.efi'],
    [9, 'PXEClient:Arch:00009:UNDI:003016', 'x86_64/ipxe.efi'],
    [11, 'PXEClient:Arch:00011:UNDI:003000', 'arm64/ipxe.efi'],
    [16, 'HTTPClient:Arch:00016:UNDI:003001', 'http://192.0.2.1:3000/boot/x86_64/ipxe.efi'],
    [19, 'HTTPClient:Arch:00019:UNDI:003001', 'http://192.0.2.1:3000/boot/arm64/ipxe.efi'],
  ])('architecture %i, %s: %s', (architecture, vendorClass, file) => {
    const offer = ask(clientRequest({ architecture, vendorClass }));
    const [name] = vendorClass.split(':');
    expect(offer).toMatchObject({ type: 2, yiaddr: '0.0.0.0', file, siaddr: '192.0.2.1' });
    expect(offer?.options.get(67)?.toString()).toBe(file);
    expect(offer?.options.get(60)?.toString()).toBe(name);
    expect(offer?.options.get(54)).toEqual(Buffer.from([192, 0, 2, 1]));
    // Only a BIOS is told to look for no other server.
    expect(offer?.options.get(43)?.toString('hex')).toBe(
      architecture === 0 ? '060108ff' : undefined,
    );
  });

  it('whatever the firmware, iPXE gets the script', () => {
    for (const architecture of [0, 6, 7, 11, 999]) {
      const known = { architecture, vendorClass: 'PXEClient:Arch:00000:UNDI:002001' };
      const byOption = ask(clientRequest({ ...known, more: [[175, [1, 1, 0]]] }));
      const byClass = ask(clientRequest({ ...known, more: [[77, Buffer.from('iPXE')]] }));
      expect([byOption?.file, byClass?.file]).toEqual(['start.ipxe', 'start.ipxe']);
    }
  });

  it('the next best where the best is not there, and no reply where none is', () => {
    const x64 = clientRequest({ architecture: 7, vendorClass: 'PXEClient:Arch:00007' });
    const second = { ...all, has: (file: string) => file === 'x86_64/snponly.efi' };
    expect(ask(x64, 'dhcp', second)?.file).toBe('x86_64/snponly.efi');
    expect(ask(x64, 'dhcp', { ...all, has: () => false })).toBeUndefined();
    for (const [architecture, vendorClass] of [
      [6, 'PXEClient:Arch:00006'],
      [10, 'PXEClient:Arch:00010'],
      [4711, 'PXEClient:Arch:04711'],
      [16, 'PXEClient:Arch:00016'],
      [7, 'HTTPClient:Arch:00007'],
    ] as const) {
      expect(ask(clientRequest({ architecture, vendorClass }))).toBeUndefined();
    }
  });

  it('the shim where the operator chose it, or where there is nothing else', () => {
    const shim = { ...all, loader: 'shim' as const };
    for (const [architecture, file] of [
      [0, 'x86_64/undionly.kpxe'],
      [7, 'x86_64/shimx64.efi'],
      [11, 'arm64/shimaa64.efi'],
    ] as const) {
      const request = clientRequest({ architecture, vendorClass: 'PXEClient' });
      expect(ask(request, 'dhcp', shim)?.file).toBe(file);
    }
    // The GRUB behind it speaks no HTTP.
    const byHttp = clientRequest({ architecture: 16, vendorClass: 'HTTPClient' });
    expect(ask(byHttp, 'dhcp', shim)).toBeUndefined();
    const arm64 = clientRequest({ architecture: 11, vendorClass: 'PXEClient' });
    const debian = { ...all, has: (file: string) => !/ipxe|snponly/.test(file) };
    expect(ask(arm64, 'dhcp', debian)?.file).toBe('arm64/shimaa64.efi');
  });

  it('the unified image, by HTTP boot too, where the operator chose it', () => {
    const unified = { ...all, loader: 'unified' as const };
    for (const [architecture, vendorClass, file] of [
      [0, 'PXEClient', 'x86_64/undionly.kpxe'],
      [7, 'PXEClient', 'x86_64/agent.efi'],
      [16, 'HTTPClient', 'http://192.0.2.1:3000/boot/x86_64/agent.efi'],
      [11, 'PXEClient', 'arm64/agent.efi'],
      [19, 'HTTPClient', 'http://192.0.2.1:3000/boot/arm64/agent.efi'],
      [6, 'PXEClient', undefined],
    ] as const) {
      const request = clientRequest({ architecture, vendorClass });
      expect(ask(request, 'dhcp', unified)?.file).toBe(file);
    }
  });

  it('by its vendor class where it names no architecture, by the first it has a loader for else', () => {
    expect(ask(clientRequest({ vendorClass: 'PXEClient:Arch:00000:UNDI:002001' }))?.file).toBe(
      'x86_64/undionly.kpxe',
    );
    const several = [93, [0, 99, 0, 7]] as const;
    expect(ask(clientRequest({ vendorClass: 'PXEClient', more: [several] }))?.file).toBe(
      'x86_64/ipxe.efi',
    );
  });
});

describe('nobody else is answered', () => {
  const pxe = { architecture: 7, vendorClass: 'PXEClient:Arch:00007' };

  it('neither what asks for an address, nor what the DHCP server is asked', () => {
    expect(ask(clientRequest({}))).toBeUndefined();
    expect(ask(clientRequest({ vendorClass: 'MSFT 5.0' }))).toBeUndefined();
    expect(ask(clientRequest({ ...pxe, vendorClass: 'PXEClientele' }))).toBeUndefined();
    for (const type of [2, 3, 4, 5, 6, 7, 8]) {
      expect(ask(clientRequest({ ...pxe, type }))).toBeUndefined();
    }
  });

  it('but who asks this server alone gets a confirmation', () => {
    for (const type of [3, 8]) {
      expect(ask(clientRequest({ ...pxe, type }), 'pxe')).toMatchObject({
        type: 5,
        yiaddr: '0.0.0.0',
      });
    }
    expect(ask(clientRequest({ ...pxe, type: 1 }), 'pxe')).toBeUndefined();
  });
});

it('repeats of a request what its sender knows the reply by, and no more', () => {
  const uuid = Buffer.alloc(17, 7);
  const request = clientRequest({
    architecture: 0,
    vendorClass: 'PXEClient:Arch:00000',
    more: [
      [97, uuid],
      [12, Buffer.from('a-name')],
    ],
  });
  const reply = ask(request);
  expect(reply).toMatchObject({ op: 2, xid: request.subarray(4, 8).toString('hex') });
  expect(reply?.chaddr).toBe(request.subarray(28, 44).toString('hex'));
  expect(reply?.options.get(97)).toEqual(uuid);
  expect([...(reply?.options.keys() ?? [])].toSorted((a, b) => a - b)).toEqual([
    43, 53, 54, 60, 67, 97,
  ]);
});

describe('hostile packets', () => {
  const good = clientRequest({
    architecture: 7,
    vendorClass: 'PXEClient:Arch:00007:UNDI:003000',
    more: [[97, Buffer.alloc(17, 1)]],
  });

  it('are no request, and never an error, when cut anywhere or changed anywhere', () => {
    for (let length = 0; length < good.length; length += 1) ask(good.subarray(0, length));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 8 }),
        fc.constantFrom('dhcp' as const, 'pxe' as const),
        (changes, port) => {
          const changed = Buffer.from(good);
          for (const [place, byte] of changes) changed[place] = byte;
          const reply = ask(changed, port);
          // Whatever came in, no address is given and no more is sent than fits a frame.
          expect(reply?.yiaddr ?? '0.0.0.0').toBe('0.0.0.0');
          expect(reply?.bytes ?? 0).toBeLessThan(700);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('are no request when they are noise, with or without the mark of DHCP', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.boolean(), (noise, isMarked) => {
        const bytes = isMarked ? Buffer.concat([good.subarray(0, 240), noise]) : noise;
        const request = readRequest(bytes);
        const total = [...(request?.options.values() ?? [])].reduce(
          (n, { length }) => n + length,
          0,
        );
        expect(total).toBeLessThanOrEqual(noise.length);
      }),
      { numRuns: 500 },
    );
  });

  it('do not make a reply longer with an overlong UUID', () => {
    const long = clientRequest({
      vendorClass: 'PXEClient:Arch:00007',
      more: [[97, Buffer.alloc(255)]],
    });
    expect(ask(long)?.options.has(97)).toBe(false);
  });
});
