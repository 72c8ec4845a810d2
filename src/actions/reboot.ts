// reboot: leaves this boot, to the disk where the firmware can be told so.
import { describeError, isAppError } from '../core/errors.ts';
import type { RunOptions } from '../sources/writing/host.ts';
import type { Action, ActionContext } from './action.ts';
import { readBootVariables, type BootEntry } from './boot/efibootmgr.ts';
import { reloadPartitions } from './disk/nodes.ts';
import { readInfo } from './disk/partition-info.ts';
import { writeOutAll } from './disk/write-out.ts';

/** A machine that is still up after this is reset by the kernel at once. */
const patienceMs = 120_000;

export const reboot: Action<'reboot'> = {
  async run({ delay = 0 }, context) {
    const { host, signal, note } = context;
    const entry = await bootNext(context).catch((err: unknown) => {
      signal.throwIfAborted();
      note(`the firmware was not told to boot the disk next: ${describeError(err)}`);
    });
    const seconds = Number(delay);
    return {
      message: `reboots${seconds > 0 ? ` in ${seconds} s` : ''}${entry === undefined ? '' : `, to "${entry}"`}`,
      leave: async () => {
        await host.clock.sleep(seconds * 1_000, signal);
        await restart(context);
      },
    };
  },
};

/** Has the kernel write everything out, and starts the machine anew. Does not resolve on a machine.
 *  Errors: AppError `exec.*` when it did not come to that. */
export async function restart(context: ActionContext): Promise<void> {
  const { host, signal } = context;
  const options: RunOptions = { signal };
  await writeOutAll(context);
  try {
    await host.run('reboot', [], { ...options, silenceMs: patienceMs });
    await host.clock.sleep(patienceMs, signal);
  } catch (err) {
    if (!isAppError(err)) throw err;
  }
  await host.run('tee', ['/proc/sysrq-trigger'], { ...options, input: 'b' });
}

/** The label of the entry that boots next: one whose loader is on the disk of this workflow. */
async function bootNext({ host, signal, knownDisk }: ActionContext): Promise<string | undefined> {
  const disk = await knownDisk();
  const isUefi = (await host.root.list('/sys/firmware/efi')) !== undefined;
  if (disk === undefined || !isUefi) return undefined;
  const options = { signal };
  const { entries, order } = await readBootVariables(host, options);
  const uuids = new Set<string | undefined>();
  for (const device of (await reloadPartitions(host, disk.device, options)).values()) {
    uuids.add((await readInfo(host, device, options)).partitionUuid);
  }
  const isOwn = ({ partitionUuid: uuid }: BootEntry): boolean =>
    uuid !== undefined && uuids.has(uuid);
  const rank = ({ number }: BootEntry): number => order.indexOf(number) + 1 || Infinity;
  const [entry] = entries.filter(isOwn).toSorted((a, b) => rank(a) - rank(b));
  if (entry === undefined) return undefined;
  await host.run('efibootmgr', ['--quiet', '--bootnext', entry.number], options);
  return entry.label;
}
