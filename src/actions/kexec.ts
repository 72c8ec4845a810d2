// kexec: starts the kernel of the system on the disk without going through the firmware, or reboots where
// that cannot be.
import { AppError, describeError, isAppError } from '../core/errors.ts';
import { checks } from '../model/actions/checks.ts';
import type { Tree } from '../sources/writing/tree.ts';
import type { Action, ActionContext, ActionReport, Fields } from './action.ts';
import { findKernel, initrdsOf } from './boot/kernel.ts';
import type { MenuEntry } from './boot/menu.ts';
import { mountFstab } from './disk/fstab.ts';
import { reloadPartitions } from './disk/nodes.ts';
import { readInfo } from './disk/partition-info.ts';
import { withSystem, type Mounted } from './disk/system.ts';
import { writeOutAll } from './disk/write-out.ts';
import { restart } from './reboot.ts';

/** The kernel drops the rest without a word. Source: COMMAND_LINE_SIZE of x86 and arm64, less its NUL. */
const maxCommandLine = 2_047;
const joined = '/run/dragonfly-initrd';
/** A kernel that has not taken over by then never will. */
const patienceMs = 60_000;

export const kexec: Action<'kexec'> = {
  check: checks.kexec,

  async run(fields, context) {
    const { device } = await context.disk();
    const { host, signal, note } = context;
    return await withSystem(host, device, fields, { signal }, async (mounted) => {
      await mountFstab(host, device, mounted, { signal, note });
      const boot = await chooseKernel(fields, mounted.tree);
      if (boot === undefined) return insteadOf('there is no kernel that can be started', context);
      const args = await commandLine(fields, boot, mounted, device, context);
      try {
        await load(mounted.tree, { ...boot, args }, context);
      } catch (err) {
        signal.throwIfAborted();
        return insteadOf(describeError(err), context);
      }
      return {
        message: `starts ${boot.kernel} of ${mounted.info.device}`,
        details: {
          method: 'kexec',
          kernel: boot.kernel,
          initrd: boot.initrds.join(' '),
          // A template may put a secret into its own.
          cmdline: fields.cmdline === undefined ? args.slice(0, 1_000) : null,
        },
        leave: () => leave(context),
      };
    });
  },
};

/** A kernel that the template names must exist; undefined if it names none and none is found. */
async function chooseKernel(
  { kernel, initrd }: Fields<'kexec'>,
  tree: Tree,
): Promise<MenuEntry | undefined> {
  const found = await findKernel(tree);
  if (kernel === undefined) return found;
  const path = (name: string): string => (name.startsWith('/') ? name : `/${name}`);
  const given = {
    title: kernel,
    kernel: path(kernel),
    initrds: initrd === undefined ? await initrdsOf(tree, path(kernel)) : [path(initrd)],
    args: found?.args ?? '',
  };
  for (const name of [given.kernel, ...given.initrds]) {
    if ((await tree.kind(name)) === 'file') continue;
    throw new AppError('disk.mismatch', `there is no ${name} in the system on the disk`);
  }
  return given;
}

/** The template's or the system's own, with the consoles of this kernel, and a root in any case. */
async function commandLine(
  { cmdline, root_partition: rootPartition }: Fields<'kexec'>,
  { args }: MenuEntry,
  { info }: Mounted,
  disk: string,
  context: ActionContext,
): Promise<string> {
  const words = split(cmdline ?? args);
  const running = split((await context.host.root.text('/proc/cmdline')) ?? '').filter(isConsole);
  // A template means its consoles; an image has those of the machine that it was made on.
  const consoles = cmdline === undefined || !words.some(isConsole) ? running : [];
  const root =
    (await rootOf(rootPartition, disk, context)) ??
    words.find(isRoot) ??
    (info.uuid === undefined ? '' : `root=UUID=${info.uuid}`);
  const others = words.filter((word) => !isRoot(word) && !(consoles.length > 0 && isConsole(word)));
  return [root, ...others, ...consoles].join(' ').trim();
}

async function rootOf(
  given: string | undefined,
  disk: string,
  { host, signal }: ActionContext,
): Promise<string | undefined> {
  if (given === undefined) return undefined;
  if (!/^\d+$/.test(given)) return `root=${given}`;
  const device = (await reloadPartitions(host, disk, { signal })).get(Number(given));
  const info = device === undefined ? undefined : await readInfo(host, device, { signal });
  if (info === undefined) {
    throw new AppError('disk.mismatch', `${disk} has no partition ${given}, the root_partition`);
  }
  return `root=${info.partitionUuid === undefined ? info.device : `PARTUUID=${info.partitionUuid}`}`;
}

/** Errors: AppError `exec.*`, `action.failed`. */
async function load(tree: Tree, boot: MenuEntry, context: ActionContext): Promise<void> {
  const { kernel, initrds, args } = boot;
  if (args.length > maxCommandLine) {
    throw new AppError(
      'action.failed',
      `the kernel's arguments have ${args.length} characters, more than ${maxCommandLine}`,
    );
  }
  await whileOpen(tree, [kernel, ...initrds], async ([image = '', ...parts]) => {
    const initrd = parts.length > 1 ? await join(parts, context) : parts[0];
    const more = initrd === undefined ? [] : [`--initrd=${initrd}`];
    const { host, signal, note } = context;
    await host.run(
      'kexec',
      ['--load', '--kexec-syscall-auto', image, `--command-line=${args}`, ...more],
      { signal, onLine: note, name: `kexec --load ${kernel}` },
    );
    if (initrd === joined) await host.run('rm', ['-f', joined], { signal });
  });
}

/** As a boot loader passes several on: one behind the other, each on a word. */
async function join(parts: readonly string[], { host, signal }: ActionContext): Promise<string> {
  // With what busybox has.
  const script =
    'mkdir -p /run && : > "$0"; for part; do cat "$part" >> "$0"; while [ $(($(wc -c < "$0") % 4)) != 0 ]; do printf "\\0" >> "$0"; done; done';
  await host.run('sh', ['-ec', script, joined, ...parts], { signal, name: 'cat' });
  return joined;
}

async function whileOpen(
  tree: Tree,
  [path, ...rest]: readonly string[],
  use: (outside: readonly string[]) => Promise<void>,
): Promise<void> {
  if (path === undefined) return await use([]);
  await tree.whileOpen(path, (outside = '') =>
    whileOpen(tree, rest, (others) => use([outside, ...others])),
  );
}

/** A reboot leads to the same system, if more slowly. */
function insteadOf(reason: string, context: ActionContext): ActionReport {
  context.note(reason);
  return {
    message: `reboots, as the kernel cannot be started at once: ${reason}`,
    details: { method: 'reboot', reason: reason.slice(0, 1_000) },
    leave: () => restart(context),
  };
}

async function leave(context: ActionContext): Promise<void> {
  const { host, signal, note } = context;
  await writeOutAll(context);
  try {
    await disarmWatchdog(context);
    // The kernel shuts down each device first, and waits for one that hangs.
    await host.run('kexec', ['--exec'], { signal, silenceMs: patienceMs });
    await host.clock.sleep(patienceMs, signal);
  } catch (err) {
    signal.throwIfAborted();
    note(describeError(err));
  }
  await restart(context);
}

/** The kernel that takes over may not know of a watchdog that the netboot image has armed. Errors: AppError `exec.failed`
 *  where it stays armed. */
async function disarmWatchdog({ host, signal }: ActionContext): Promise<void> {
  try {
    await host.run('/lib/dragonfly/watchdog', ['off'], { signal });
  } catch (err) {
    if (!isAppError(err, 'exec.missing')) throw err;
  }
}

/** Double quotes protect blanks. */
function split(args: string): string[] {
  return args.match(/(?:"[^"]*"|[^\s"])+/g) ?? [];
}

function isConsole(word: string): boolean {
  return word.startsWith('console=');
}

function isRoot(word: string): boolean {
  return word.startsWith('root=');
}
