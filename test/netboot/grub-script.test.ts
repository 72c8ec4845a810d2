// GRUB's boot scripts, read by its own syntax check where it is installed.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { BootScriptOptions } from '../../src/netboot/boot-parameters.ts';
import { diskLoader, grubScript, grubStartScript } from '../../src/netboot/grub-script.ts';

const filesUrl = 'http://192.0.2.1:3000';
const options: BootScriptOptions = {
  filesUrl,
  agentUrl: 'http://192.0.2.1:3000',
  mac: '02:00:00:00:00:07',
  workflowId: undefined,
  token: undefined,
  namesMode: true,
  append: [{ from: '--boot-append', text: 'a=[1];reboot b={~}' }],
  now: new Date(1_800_000_000_000),
  giveUpSeconds: 300,
  localBoot: 'default',
};
const agent = (more: Partial<BootScriptOptions> = {}): string =>
  grubScript({ boots: 'agent', options: { ...options, ...more } });

/** Runs a script in a shell that has what it needs of GRUB's language, with these commands and a clock of its own, until it
 *  gives up, for an hour at most. */
function run(text: string, commands: string): { seconds: number; said: string } {
  const grub = `tenths=0
    pass() { tenths=$((tenths + $1)); [ $tenths -lt 36000 ] || exit 0; }
    silence() { pass 316; return 28; }
    nobody() { pass 160; return 35; }
    refusal() { return 29; }
    odd() { turn=$((1 - turn)); [ $turn = 1 ]; }
    linux() { silence; }; initrd() { silence; }
    set() { eval "$1"; }; sleep() { pass $(($1 * 10)); }
    trap 'echo; echo $tenths' EXIT\n`;
  const said = execFileSync('bash', {
    input: `${grub}${commands}\n${untilGivingUp(text)}`,
    encoding: 'utf8',
    env: { agent: untilGivingUp(agent()) },
  });
  return { seconds: Number(/\d+$/.exec(said.trim())?.[0]) / 10, said };
}

/** Without the way to the disk, which is none that a shell could read. */
function untilGivingUp(text: string): string {
  return text.replace(/^(echo 'Giving up.*\n)[^]*/m, '$1exit\n');
}

function pausesOf(text: string): number {
  const [, pauses = ''] = /^for pause in (.*); do$/m.exec(text) ?? [];
  return pauses.split(' ').reduce((sum, pause) => sum + Number(pause), 0);
}

const hasGrub = ((): boolean => {
  try {
    execFileSync('grub-script-check', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

describe("GRUB's script", () => {
  it.skipIf(!hasGrub).each([
    ['that asks', grubStartScript('http://192.0.2.1:3000', 300)],
    ['that asks for ever', grubStartScript('http://192.0.2.1:3000', undefined)],
    ['of the agent', agent()],
    ['of the agent, for ever', agent({ giveUpSeconds: undefined })],
    ['of the disk', grubScript({ boots: 'disk', localBoot: 'default', filesUrl })],
    ['of the loader for the disk', diskLoader()],
    ['of the way out', grubScript({ boots: 'disk', localBoot: 'exit', filesUrl })],
  ])('%s is one (needs grub-common)', (_name, text) => {
    expect(() => execFileSync('grub-script-check', { input: text })).not.toThrow();
  });

  it('holds each parameter as one word that cannot be a command', () => {
    const [, line = ''] = /linux \/boot\/\$grub_cpu\/kernel (.*); then/.exec(agent()) ?? [];
    expect(line).toMatch(
      /^'panic=60' 'rootfstype=ramfs' 'initcall_blacklist=\w+,\w+' 'dragonfly\.url=http:\/\/192\.0\.2\.1:3000' /,
    );
    expect(line.endsWith(" 'BOOTIF=01-02-00-00-00-00-07' 'a=[1];reboot' 'b={~}'")).toBe(true);
    expect(line.split(' ').every((word) => /^'[^']*'$/.test(word))).toBe(true);
  });

  it('waits as long as that of iPXE, and for ever where there is nothing else to boot', () => {
    expect(pausesOf(agent())).toBeGreaterThanOrEqual(300);
    expect(pausesOf(agent())).toBeLessThan(316);
    const patient = agent({ giveUpSeconds: undefined });
    expect(patient).toContain('while true; do');
    expect(patient).not.toContain('chainloader');
  });

  it.each([
    ['never answers', 'loopback() { silence; }', 300, 317],
    ['refuses', 'loopback() { refusal; }; source() { refusal; }', 300, 317],
    ['has no script for the machine', 'loopback() { :; }; source() { refusal; }', 300, 317],
    ['never answers the agent', 'loopback() { :; }; source() { eval "$agent"; }', 300, 317],
    // It is asked for 16 s in place of the first pauses too.
    ['takes no connection', 'loopback() { nobody; }; source() { nobody; }', 300, 370],
    // Each silence in between leaves out less than the time that it took.
    [
      'answers now and then',
      'loopback() { if odd; then silence; else refusal; fi; }; source() { refusal; }',
      270,
      350,
    ],
  ])('gives up after five minutes on a server that %s', (_name, server, least, most) => {
    const { seconds, said } = run(grubStartScript(filesUrl, 300), server);
    expect(said).toContain("Giving up: going on to this machine's disk.");
    expect(seconds).toBeGreaterThanOrEqual(least);
    expect(seconds).toBeLessThan(most);
  });

  it.each([30, 60, 90, 120, 600])('gives up on a silent server after %s s', (limit) => {
    const { seconds } = run(grubStartScript(filesUrl, limit), 'loopback() { silence; }');
    expect(seconds).toBeGreaterThanOrEqual(limit);
    expect(seconds).toBeLessThan(limit + 32);
  });

  it('goes on to ask a server that does not answer without a pause', () => {
    const { said } = run(grubStartScript(filesUrl, undefined), 'loopback() { silence; }');
    expect(said).not.toContain('in 16 s');
    expect(said).toContain('did not answer. Trying again.\n');
  });

  it('loads its kernel once, however often the initramfs breaks off', () => {
    const server = `linux() { echo kernel; }; boot() { exit; }
      initrd() { echo initramfs; tries=$((tries + 1)); [ $tries -gt 2 ]; }`;
    const loaded = run(agent(), server)
      .said.split('\n')
      .filter((line) => /^(kernel|initramfs)$/.test(line));
    expect(loaded).toEqual(['kernel', 'initramfs', 'initramfs', 'initramfs']);
  });

  it('says which parameters are left out', () => {
    const append = [{ from: 'boot.append', text: 'x'.repeat(2000) }];
    expect(agent({ append })).toContain(
      "echo 'The boot parameters of boot.append are left out: too long.'\n",
    );
  });

  it('ends where the operator chose to leave it to the firmware', () => {
    expect(grubScript({ boots: 'disk', localBoot: 'exit', filesUrl })).toBe('exit\n');
  });

  it('is refused for an address that it could not hold', () => {
    expect(() => agent({ filesUrl: "http://a'; reboot" })).toThrow('a boot script cannot hold');
    expect(() => grubStartScript('http://$x', 300)).toThrow('a boot script cannot hold');
  });
});
