// The iPXE scripts for machines that boot from the network. Pure. Callers check every value that goes into
// one: neither iPXE nor the kernel has quoting to rely on.
import { AppError } from '../core/errors.ts';
import { patiently, script, stalledMs } from './ipxe.ts';
import { kernelLine, type Appended } from './kernel-line.ts';

/** The server's settings for booting machines. */
export interface BootOptions {
  /** Holds ARCH/kernel and ARCH/initramfs, which machines then fetch from this server. */
  readonly dir?: string | undefined;
  /** More parameters for the kernel's command line. */
  readonly append?: string | undefined;
}

export interface BootScriptOptions {
  /** Where the machine fetches kernel and initramfs. */
  readonly filesUrl: string;
  /** Where its agent checks in. */
  readonly agentUrl: string;
  /** The CA that the agent is to trust; left out where it needs no telling. */
  readonly caSha256?: string | undefined;
  /** In lower case, with colons. */
  readonly mac: string;
  /** The workflow to run; without one the agent discovers the machine. */
  readonly workflowId: string | undefined;
  readonly token: string | undefined;
  /** True to tell the agent its mode. Dragonfly's own image checks in without a mode, or with imaging. */
  readonly namesMode: boolean;
  /** More parameters for the kernel's command line, the general ones first. */
  readonly append: readonly Appended[];
  readonly now: Date;
  /** Seconds after which a step that does not work is given up for the machine's disk. Left out: never, for a
   *  machine that is known to have nothing to boot. */
  readonly giveUpSeconds?: number | undefined;
  readonly localBoot: LocalBoot;
}

/** The way to a machine's own system: by default as its firmware does it best. */
export type LocalBoot = 'default' | 'exit' | { readonly drive: number };

/** Boots the agent, and the disk when that cannot be done.
 *  Errors: AppError `request.invalid` if a script cannot hold the server's address. */
export function agentScript(options: BootScriptOptions): string {
  const { giveUpSeconds } = options;
  const url = scriptUrl(options.filesUrl);
  const { line, leftOut } = kernelLine(ownParameters(options), options.append);
  const step = { giveUpSeconds, giveUpTo: 'disk' };
  return script([
    ...leftOut.map((from) => `echo The boot parameters of ${from} are left out: too long.`),
    ':load',
    ...patiently({
      ...step,
      label: 'kernel',
      says: `Loading the kernel from ${url}`,
      command: `kernel --timeout ${stalledMs} ${url}/boot/\${buildarch}/kernel ${line}`,
      next: 'loaded_kernel',
    }),
    ...patiently({
      ...step,
      label: 'initramfs',
      says: `Loading the agent's image from ${url}`,
      command: `initrd --timeout ${stalledMs} --name initramfs ${url}/boot/\${buildarch}/initramfs`,
      next: 'loaded_initramfs',
    }),
    'boot ||',
    'echo This machine does not start the kernel.',
    'sleep 30',
    'imgfree',
    giveUpSeconds === undefined ? 'goto load' : 'goto disk',
    ...(giveUpSeconds === undefined ? [] : lastResort(options.localBoot)),
  ]);
}

function ownParameters(options: BootScriptOptions): string[] {
  const { mac, workflowId, token, namesMode, now, caSha256 } = options;
  const mode = workflowId === undefined ? 'discovery' : 'imaging';
  return [
    'initrd=initramfs',
    'panic=60',
    `dragonfly.url=${scriptUrl(options.agentUrl)}`,
    caSha256 === undefined ? '' : `dragonfly.ca_sha256=${caSha256}`,
    namesMode ? `dragonfly.mode=${mode}` : '',
    `dragonfly.mac=${mac}`,
    workflowId === undefined ? '' : `dragonfly.workflow=${workflowId}`,
    token === undefined ? '' : `dragonfly.token=${token}`,
    // To a machine with a dead clock battery every certificate is invalid.
    `dragonfly.time=${Math.floor(now.getTime() / 1000)}`,
    `BOOTIF=01-${mac.replaceAll(':', '-')}`,
  ].filter(Boolean);
}

/** Boots the installed system: a BIOS its first disk, UEFI its next boot entry, or as an operator chose. */
export function localDiskScript(localBoot: LocalBoot): string {
  return script([...localBootLines(localBoot), 'exit 1']);
}

/** Fetches the machine's own script, by the MAC of the port it boots from. A server that does not answer for
 *  `giveUpSeconds` holds no machine back from its disk. */
export function startScript(url: string, giveUpSeconds: number | undefined): string {
  return script([
    ':load',
    ...patiently({
      label: 'ask',
      says: `Asking ${scriptUrl(url)} for what this machine boots`,
      command: `chain --timeout ${stalledMs} --replace --autofree ${scriptUrl(url)}/boot/\${netX/mac:hexhyp}`,
      next: 'asked',
      giveUpSeconds,
      giveUpTo: 'disk',
    }),
    ...(giveUpSeconds === undefined ? [] : lastResort('default')),
  ]);
}

/** Reads the setting `boot.local`: `exit`, `sanboot` (the first disk) or `sanboot:0x81`; undefined for
 *  anything else. */
export function parseLocalBoot(text: string): LocalBoot | undefined {
  if (text === 'default' || text === 'exit') return text;
  const drive = /^sanboot(?::(0x[89a-f][0-9a-f]))?$/i.exec(text);
  return drive === null ? undefined : { drive: Number(drive[1] ?? '0x80') };
}

/** UEFI takes iPXE's plain `exit` for success and stops in its setup menu; after a failure it goes on. */
function localBootLines(localBoot: LocalBoot): string[] {
  if (localBoot === 'exit') return [];
  const sanboot = (drive: number): string =>
    `sanboot --no-describe --drive 0x${drive.toString(16)} ||`;
  if (localBoot !== 'default') return [sanboot(localBoot.drive)];
  return ['iseq ${platform} efi && exit 1 ||', sanboot(0x80)];
}

/** The disk, and where a BIOS cannot boot it, everything from the beginning: nobody may be there to press a
 *  key. UEFI starts over by its own boot order. */
function lastResort(localBoot: LocalBoot): string[] {
  return [
    ':disk',
    "echo Giving up: going on to this machine's disk.",
    ...localBootLines(localBoot),
    'iseq ${platform} efi && exit 1 ||',
    'echo The disk does not boot. Starting over.',
    'sleep 5',
    'reboot ||',
    'goto load',
  ];
}

/** True for text that is safe as kernel parameters: no quotes, nothing that iPXE would expand or take for
 *  another command. */
export function isPlain(text: string): boolean {
  return /^[\w.,:;+/=@%~[\] -]*$/.test(text);
}

function scriptUrl(url: string): string {
  if (/^https?:\/\/[\w.:[\]-]+(?:\/[\w./-]*)?$/i.test(url)) return url.replace(/\/$/, '');
  throw new AppError(
    'request.invalid',
    'the address of this server has characters that a boot script cannot hold',
    {
      details: { url: url.slice(0, 200) },
    },
  );
}
