// A rack that powers on while its server restarts every twenty seconds, half of the times by a kill.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { openStore } from '../../../src/store/open.ts';
import { ServerProcess } from '../../store/server-process.ts';
import { bootDir, pxeNetwork, runsAll, startVm } from '../harness.ts';
import { freePort } from '../../../initramfs/machine/free-port.ts';

const machines = 8;
const uptimeMs = 20_000;
/** From power-on until all are there, with two emulated processors for eight machines. */
const patienceMs = 900_000;

const macOf = (n: number): string => `52:54:00:00:fe:0${n}`;

function powerOn(n: number, port: number): void {
  const network = pxeNetwork(`http://10.0.2.2:${port}`, `virtio-net-pci,mac=${macOf(n)}`);
  const uuid = `5a1de000-0000-4000-8000-00000000000${n}`;
  startVm([...network, '-smbios', `type=1,serial=RACK-${n},uuid=${uuid}`], { memoryMiB: 256 });
}

/** The MACs of the machines that are online; none where the server does not answer. */
async function macsAt(url: string): Promise<string[]> {
  try {
    const answer = await fetch(`${url}/api/machines`, { signal: AbortSignal.timeout(5000) });
    const list: unknown = await answer.json();
    const found: readonly unknown[] = Object(list).machines ?? [];
    return found
      .filter((machine) => Object(machine).liveness === 'online')
      .map((machine) => String(Object(machine).identity.primary_mac));
  } catch {
    return [];
  }
}

it.skipIf(!runsAll)(
  'eight machines register while their server restarts every 20 s, one record each (150 s)',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dragonfly-fleet-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const data = join(folder, 'data');
    const port = await freePort();
    const args = ['--boot-dir', bootDir, '--boot-append', 'console=ttyS0 dragonfly.interval=5'];
    const start = () => ServerProcess.start(`lmdb:${data}`, { port, args });
    let server = await start();
    onTestFinished(() => server.kill());
    for (let n = 1; n <= machines; n += 1) powerOn(n, port);
    const end = performance.now() + patienceMs;
    let restarts = 0;
    let online: string[] = [];
    while (online.length < machines && performance.now() < end) {
      await sleep(uptimeMs);
      online = await macsAt(server.url);
      if (online.length === machines) break;
      await (restarts % 2 === 0 ? server.kill() : server.stop());
      server = await start();
      restarts += 1;
    }
    expect(online.toSorted()).toEqual(Array.from({ length: machines }, (_, i) => macOf(i + 1)));
    expect(restarts).toBeGreaterThan(0);
    expect((await server.stop()).code).toBe(0);
    const store = await openStore(`lmdb:${data}`);
    onTestFinished(() => store.close());
    const { items } = await store.machines.list({});
    expect(items.map(({ value }) => value.identity.primary_mac).toSorted()).toEqual(
      online.toSorted(),
    );
    console.log(`${restarts} restarts`);
  },
  1_200_000,
);
