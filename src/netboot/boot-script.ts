// The iPXE scripts for machines that boot from the network. Pure.
import {
  commandLine,
  scriptUrl,
  type Boot,
  type BootScriptOptions,
  type LocalBoot,
} from './boot-parameters.ts';
import { localLoaders } from './dhcp/clients.ts';
import { patiently, script, stalledMs, unansweredMs } from './ipxe.ts';

/** The script for what a machine boots. Errors: AppError `request.invalid` if a script cannot hold the server's
 *  address. */
export function ipxeScript(boot: Boot): string {
  return boot.boots === 'agent'
    ? agentScript(boot.options)
    : localDiskScript(boot.localBoot, boot.filesUrl);
}

/** Boots the agent, and the disk when that cannot be done.
 *  Errors: AppError `request.invalid` if a script cannot hold the server's address. */
export function agentScript(options: BootScriptOptions): string {
  const { giveUpSeconds } = options;
  const url = scriptUrl(options.filesUrl);
  const { line, leftOut } = commandLine(options, ['initrd=initramfs']);
  const step = { giveUpSeconds, giveUpTo: 'disk' };
  return script([
    ...leftOut.map((from) => `echo The boot parameters of ${from} are left out: too long.`),
    ':load',
    ...refuse32Bits,
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
    ':refused',
    'echo This machine does not start the kernel.',
    'sleep 30',
    'imgfree',
    giveUpSeconds === undefined ? 'goto load' : 'goto disk',
    ...(giveUpSeconds === undefined ? [] : lastResort(options.localBoot, options.filesUrl)),
  ]);
}

/** A kernel for 64 bits says nothing where nobody looks at the screen at that moment, and stops the machine. UEFI is as
 *  wide as its processor; an iPXE that cannot tell (bit 0: every processor of the last decades) goes on. */
const refuse32Bits: readonly string[] = [
  'iseq ${platform} pcbios && cpuid 0 && goto bits ||',
  'goto fits',
  ':bits',
  'cpuid --ext 29 && goto fits ||',
  'echo This processor has 32 bits. The agent needs one with 64.',
  'goto refused',
  ':fits',
];

/** Boots the installed system: a BIOS the first of its disks that boots, UEFI its next boot entry, or as an operator chose.
 *  The firmware of a BIOS that finds nothing after iPXE stops for good: where it would, the machine starts over, so that the
 *  server hears of it. */
export function localDiskScript(localBoot: LocalBoot, filesUrl: string): string {
  const isFirmwares = localBoot === 'exit' || localBoot === 'chain';
  return script([
    ...localBootLines(localBoot, filesUrl),
    ...(isFirmwares ? [] : startOver),
    'exit 1',
  ]);
}

/** Fetches the machine's own script, by the MAC of the port it boots from. A server that does not answer for
 *  `giveUpSeconds` holds no machine back from its disk. */
export function startScript(url: string, giveUpSeconds: number | undefined): string {
  return script([
    ':load',
    ...patiently({
      label: 'ask',
      says: `Asking ${scriptUrl(url)} for what this machine boots`,
      command: `chain --timeout ${unansweredMs} --replace --autofree ${scriptUrl(url)}/boot/\${netX/mac:hexhyp}`,
      next: 'asked',
      giveUpSeconds,
      giveUpTo: 'disk',
    }),
    ...(giveUpSeconds === undefined ? [] : lastResort('default', url)),
  ]);
}

/** UEFI takes iPXE's plain `exit` for success and stops in its setup menu; after a failure it goes on. */
function localBootLines(localBoot: LocalBoot, filesUrl: string): string[] {
  if (localBoot === 'exit') return [];
  if (localBoot === 'chain') {
    const [efi, bios] = localLoaders.map(
      (name) => `chain --timeout ${stalledMs} ${scriptUrl(filesUrl)}/boot/\${buildarch}/${name}`,
    );
    return [`iseq \${platform} efi && ${efi} || iseq \${platform} efi || ${bios} ||`];
  }
  const sanboot = (drive: number): string =>
    `sanboot --no-describe --drive 0x${drive.toString(16)} ||`;
  if (localBoot !== 'default') return [sanboot(localBoot.drive)];
  return ['iseq ${platform} efi && exit 1 ||', ...biosDisks.map(sanboot)];
}

/** Those of a BIOS's disks that may hold its system. */
const biosDisks = [0x80, 0x81, 0x82, 0x83];

/** For where no disk boots, and nobody may be there to press a key. UEFI starts over by its own boot order. */
const startOver: readonly string[] = [
  'iseq ${platform} efi && exit 1 ||',
  'echo The disk does not boot. Starting over.',
  'sleep 5',
  'reboot ||',
];

/** The disk, and where that does not boot, everything from the beginning, unless the firmware has the choice. */
function lastResort(localBoot: LocalBoot, filesUrl: string): string[] {
  return [
    ':disk',
    "echo Giving up: going on to this machine's disk.",
    ...localBootLines(localBoot, filesUrl),
    ...(localBoot === 'exit' ? ['exit 1'] : [...startOver, 'goto load']),
  ];
}
