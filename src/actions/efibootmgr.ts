// efibootmgr: puts UEFI's boot entries in order: the network, then the installed system, then the rest.
import { AppError, describeError } from '../core/errors.ts';
import type { Action, ActionContext, Fields } from './action.ts';
import { readBootVariables, type BootEntry, type BootVariables } from './boot/efibootmgr.ts';
import { findLoader, type Loader } from './boot/loader.ts';
import { bootOrder, staleEntries } from './boot/order.ts';
import { reloadPartitions } from './disk/nodes.ts';
import { isEsp, readInfo } from './disk/partition-info.ts';
import { deviceOf, readPartitions } from './disk/stack.ts';
import { withSystem } from './disk/system.ts';

const firmware = '/sys/firmware/efi';

export const efibootmgr: Action<'efibootmgr'> = {
  async run(fields, context) {
    const { host, signal, note } = context;
    if ((await host.root.list(firmware)) === undefined) {
      return { message: 'this machine did not start by UEFI: nothing to do' };
    }
    const removed = await removeStale(context);
    const loader = await entryForLoader(context);
    const before = await readBootVariables(host, { signal });
    noteNetwork(before, fields, note);
    const order = bootOrder(before, {
      isNetworkFirst: fields.set_pxe_first ?? true,
      label: fields.pxe_boot_label,
      mac: await bootMac(context),
      loader,
    });
    await activate(before, [order[0], loader], context);
    if (order.length > 0 && order.join(',') !== before.order.join(',')) {
      await set(['--bootorder', order.join(',')], context);
    }
    const after = await readBootVariables(host, { signal });
    verify(after, order, removed);
    const labels = order.map((number) => labelOf(after, number));
    return {
      message: `UEFI tries ${labels.join(', ') || 'what it finds'}`,
      details: {
        order: order.join(','),
        first: labels[0] ?? null,
        installed: loader === undefined ? null : labelOf(after, loader),
        removed: removed.map(({ label }) => label).join(', ') || null,
      },
    };
  },
};

async function removeStale(context: ActionContext): Promise<readonly BootEntry[]> {
  const { host, signal, note } = context;
  const known = await partitionUuids(context).catch((err: unknown) => {
    signal.throwIfAborted();
    note(`no entry is removed, as not all partitions can be read: ${describeError(err)}`);
  });
  if (known === undefined) return [];
  const stale = staleEntries(await readBootVariables(host, { signal }), known);
  for (const { number, label } of stale) {
    await set(['--bootnum', number, '--delete-bootnum'], context);
    note(`removed "${label}": its partition is gone`);
  }
  return stale;
}

/** The UUIDs of all partitions of this machine. Errors: AppError `disk.failed` if one cannot be read. */
async function partitionUuids({ host, signal }: ActionContext): Promise<ReadonlySet<string>> {
  const known = new Set<string>();
  for (const disk of (await host.root.list('/sys/class/block')) ?? []) {
    for (const { name } of await readPartitions(host.root, disk)) {
      const { partitionUuid } = await readInfo(host, deviceOf(name), { signal });
      if (partitionUuid === undefined) {
        throw new AppError('disk.failed', `${name} cannot be read`);
      }
      known.add(partitionUuid);
    }
  }
  return known;
}

/** The number of the entry for the loader of the installed system, made where there is none; undefined
 *  where nothing was installed. */
async function entryForLoader(context: ActionContext): Promise<string | undefined> {
  const { host, signal, note, knownDisk } = context;
  const disk = await knownDisk();
  if (disk === undefined) return undefined;
  const esp = await findEsp(disk.device, context);
  if (esp === undefined) {
    note(`${disk.device} has no EFI system partition: no entry leads to it`);
    return undefined;
  }
  const loader = await withSystem(
    host,
    disk.device,
    { partition: esp.number },
    { signal },
    async ({ tree }) => {
      const machine = (await host.run('uname', ['-m'], { signal })).trim();
      const bits = await host.root.text(`${firmware}/fw_platform_size`);
      return await findLoader(tree, machine, bits?.trim() === '32');
    },
  );
  if (loader === undefined) {
    note(`the EFI system partition of ${disk.device} has no boot loader for this machine`);
    return undefined;
  }
  const find = async (): Promise<string | undefined> => {
    const { entries } = await readBootVariables(host, { signal });
    return entries.find((entry) => leadsTo(entry, esp.uuid, loader))?.number;
  };
  const found = await find();
  if (found !== undefined) return found;
  const where = ['--disk', disk.device, '--part', String(esp.number)];
  const what = ['--loader', loader.path, '--label', loader.label];
  await set(['--create-only', ...where, ...what], context);
  const made = await find();
  if (made !== undefined) return made;
  throw new AppError('firmware.failed', `UEFI did not keep an entry for ${loader.path}`);
}

async function findEsp(device: string, { host, signal }: ActionContext) {
  for (const [number, partition] of await reloadPartitions(host, device, { signal })) {
    const info = await readInfo(host, partition, { signal });
    if (isEsp(info)) return { number, uuid: info.partitionUuid };
  }
  return undefined;
}

function leadsTo(entry: BootEntry, uuid: string | undefined, { path }: Loader): boolean {
  const isThere = uuid !== undefined && entry.partitionUuid === uuid;
  return isThere && entry.path.toLowerCase().includes(`file(${path.toLowerCase()})`);
}

/** An entry that is switched off is passed over. */
async function activate(
  { entries }: BootVariables,
  numbers: readonly (string | undefined)[],
  context: ActionContext,
): Promise<void> {
  for (const { number, isActive } of entries) {
    if (isActive || !numbers.includes(number)) continue;
    await set(['--bootnum', number, '--active'], context);
  }
}

function noteNetwork(
  { entries }: BootVariables,
  { set_pxe_first: isWanted = true, pxe_boot_label: label }: Fields<'efibootmgr'>,
  note: (line: string) => void,
): void {
  if (!isWanted) return;
  const networks = entries.filter(({ isNetwork }) => isNetwork);
  if (networks.length === 0) note('UEFI has no entry that boots from the network');
  else if (
    label !== undefined &&
    !networks.some((entry) => entry.label.toLowerCase().includes(label.toLowerCase()))
  ) {
    note(`no network entry is called "${label}": ${networks.map((one) => one.label).join(', ')}`);
  }
}

/** Source: PXELINUX's BOOTIF, and this project's own parameter. */
async function bootMac({ host }: ActionContext): Promise<string | undefined> {
  const text = (await host.root.text('/proc/cmdline')) ?? '';
  const [, own, bootif] = /(?:^|\s)(?:dragonfly\.mac=(\S+)|BOOTIF=01-(\S+))/i.exec(text) ?? [];
  return (own ?? bootif)?.toLowerCase().replaceAll('-', ':');
}

function labelOf({ entries }: BootVariables, number: string): string {
  return entries.find((entry) => entry.number === number)?.label ?? number;
}

/** Some firmware takes variables and forgets them. */
function verify(
  { entries, order }: BootVariables,
  wanted: readonly string[],
  removed: readonly BootEntry[],
): void {
  const isKept = wanted.every((number, index) => order[index] === number);
  const returned = entries.find(({ number, partitionUuid }) =>
    removed.some((one) => one.number === number && one.partitionUuid === partitionUuid),
  );
  if (isKept && returned === undefined) return;
  throw new AppError(
    'firmware.failed',
    isKept
      ? `UEFI did not remove the entry "${returned?.label ?? ''}"`
      : `UEFI was told the boot order ${wanted.join(',')} and has ${order.join(',') || 'none'}`,
  );
}

async function set(args: readonly string[], { host, signal }: ActionContext): Promise<void> {
  await host.run('efibootmgr', ['--quiet', ...args], { signal });
}
