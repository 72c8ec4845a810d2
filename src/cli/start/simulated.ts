// The simulated machines of `npm start`: one is installed, and the disk of the other is bad.
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../core/clock.ts';
import { seeded } from '../simulate.ts';

/** Captured machines of this repository, in which `npm start` runs. */
const captured = fileURLToPath(new URL('../../../fixtures/machines/', import.meta.url));
const models = ['qemu-two-sockets', 'qemu-dell-megaraid'];
/** Always the same, so that a server knows them again; and none that somebody gives `dragonfly-simulate`, whose machines
 *  would have their addresses. */
const seed = 0x64656d6f;

/** Runs until the signal aborts, and rejects with its reason. Errors: as those of the client's calls. */
export async function runSimulated(
  server: string,
  template: string,
  signal: AbortSignal,
): Promise<void> {
  const [{ InstallableMachine, simulateInstalls }, { collectInventory }] = await Promise.all([
    import('../../simulation/installs.ts'),
    import('../../inventory/inventory.ts'),
  ]);
  const inventories = await Promise.all(
    models.map((model) => collectInventory(`${captured}${model}/root`)),
  );
  const draw = seeded(seed);
  const machines = inventories.map((inventory, i) => {
    const options = { secondMs: 1_000, hasBadDisk: i === 1 };
    return new InstallableMachine(`simulated-${i + 1}`, inventory, draw, options);
  });
  await simulateInstalls(machines, { server, template, clock: systemClock, signal });
}
