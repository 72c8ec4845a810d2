// GRUB's scripts for machines that boot from the network under Secure Boot, where no iPXE is trusted, or have a
// processor for which there is none. They do what iPXE's do. Pure. Files are named by path: GRUB takes them from the
// server that gave it its script.
import {
  commandLine,
  scriptUrl,
  type Boot,
  type BootScriptOptions,
  type LocalBoot,
} from './boot-parameters.ts';
import { longestPauseSeconds, pausesFor } from './patience.ts';

/** The path of the script that asks for the machine's own. */
export const grubConfig = 'boot/grub.cfg';

/** The script for what a machine boots. Errors: AppError `request.invalid` if a script cannot hold the server's
 *  address. */
export function grubScript(boot: Boot): string {
  return boot.boots === 'agent' ? agentScript(boot.options) : script(diskLines(boot.localBoot));
}

/** Fetches the machine's own script, by the MAC of the port it boots from. A server that does not answer for
 *  `giveUpSeconds` holds no machine back from its disk. */
export function grubStartScript(url: string, giveUpSeconds: number | undefined): string {
  const lines = [
    `echo ${quote(`Asking ${scriptUrl(url)} for what this machine boots`)}`,
    // `source` does not say why it failed, a command that opens a file does.
    `if loopback server /${grubConfig}; then loopback -d server; else set failed=$?; fi`,
    `if [ ${answered} ]; then source "/${grubConfig}?mac=$net_default_mac"; fi`,
  ];
  return script(patiently('ask', lines, giveUpSeconds, 'default'));
}

/** Boots the agent, and the disk when that cannot be done. */
function agentScript(options: BootScriptOptions): string {
  const url = scriptUrl(options.filesUrl);
  const { line, leftOut } = commandLine(options, []);
  const parameters = line.split(/ +/).map(quote).join(' ');
  // A kernel that is loaded stays. A second one, after an initramfs that broke off, hangs at its start (Debian's GRUB 2.06).
  const load = [
    'if [ "$kernel" != loaded ]; then',
    `  echo ${quote(`Loading the kernel from ${url}`)}`,
    `  if linux /boot/$grub_cpu/kernel ${parameters}; then set kernel=loaded; else set failed=$?; fi`,
    'fi',
    'if [ "$kernel" = loaded ]; then',
    `  echo ${quote(`Loading the agent's image from ${url}`)}`,
    '  if initrd /boot/$grub_cpu/initramfs; then',
    '    boot',
    '  else',
    '    set failed=$?',
    '  fi',
    'fi',
  ];
  return script([
    ...leftOut.map(
      (from) => `echo ${quote(`The boot parameters of ${from} are left out: too long.`)}`,
    ),
    ...patiently('load', load, options.giveUpSeconds, options.localBoot),
  ]);
}

/** GRUB's number for a file that no server sent (GRUB_ERR_TIMEOUT). It has asked for it 40 times then, in 32 s. */
const timedOut = 28;
/** GRUB's number for a TCP connection that nobody took (GRUB_ERR_NET_NO_ANSWER), as with HTTP from a host that is off. It
 *  has tried for 16 s then, the longest pause. */
const unconnected = 35;
const answered = `"$failed" != ${timedOut} -a "$failed" != ${unconnected}`;

/** Lines that are tried again, with longer and longer pauses, until they lead away, and that note in `failed` why they did
 *  not. They are a function of this `name`: each script needs one of its own, since the first script's still runs when the
 *  machine's own script is read. A try that no server answered needs no pause. One that timed out takes as long as the
 *  pauses up to the next longest one, which are left out too. */
function patiently(
  name: 'ask' | 'load',
  lines: readonly string[],
  giveUpSeconds: number | undefined,
  localBoot: LocalBoot,
): string[] {
  const pauses = pausesFor(giveUpSeconds ?? longestPauseSeconds);
  const once = (wait: string): string[] => [
    name,
    `if [ ${answered} ]; then`,
    `  echo "That failed. Trying again in ${wait} s."`,
    `  sleep ${wait}`,
    'else',
    '  echo "The server did not answer. Trying again."',
    'fi',
  ];
  return [
    `function ${name} {`,
    '  set failed=',
    ...lines.map((line) => `  ${line}`),
    '}',
    `for pause in ${pauses.join(' ')}; do`,
    `  if [ "$failed" = ${timedOut} ]; then`,
    `    if [ "$pause" = ${longestPauseSeconds} ]; then set failed=counted; fi`,
    '  else',
    ...once('$pause').map((line) => `    ${line}`),
    '  fi',
    'done',
    ...(giveUpSeconds === undefined
      ? ['while true; do', ...once(String(longestPauseSeconds)).map((line) => `  ${line}`), 'done']
      : [
          `if [ "$failed" != ${timedOut} -a "$failed" != counted ]; then ${name}; fi`,
          `echo ${quote("Giving up: going on to this machine's disk.")}`,
          ...diskLines(localBoot),
        ]),
  ];
}

/** Starts the loader of a system on a disk: firmware takes GRUB's `exit` for success, and stops in its setup menu.
 *  What no loader can be found for starts over, so that the server hears of it. */
function diskLines(localBoot: LocalBoot): string[] {
  if (localBoot === 'exit') return ['exit'];
  return [
    ...startDisk,
    `echo ${quote('No system on a disk of this machine could be started. Starting over.')}`,
    'sleep 10',
    'reboot',
  ];
}

/** The script of the loader that iPXE starts for a machine's disk, and goes on after. */
export function diskLoader(): string {
  return script([...startDisk, 'exit']);
}

/** A system's own loaders before the one that firmware looks for by itself; under Secure Boot only what a shim
 *  leads to is trusted, or what Microsoft signed. */
const diskLoaders = [
  '(*)/EFI/*/shim$suffix.efi',
  '(*)/EFI/Microsoft/Boot/bootmgfw.efi',
  '(*)/EFI/*/grub$suffix.efi',
  '(*)/EFI/systemd/systemd-boot$suffix.efi',
  '(*)/EFI/BOOT/BOOT$suffix.EFI',
];

const startDisk: readonly string[] = [
  'if [ "$grub_cpu" = x86_64 ]; then set suffix=x64; else set suffix=aa64; fi',
  `for loader in ${diskLoaders.join(' ')}; do`,
  '  if [ -f "$loader" ]; then',
  '    echo "Starting $loader"',
  // A loader looks for its files on the device that is the root.
  String.raw`    regexp --set=1:root '\((.*)\)/' "$loader"`,
  '    chainloader "$loader"',
  '    boot',
  '  fi',
  'done',
];

function script(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}

/** Text as one word of which GRUB expands nothing. Within single quotes there is no way to write one. */
function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
