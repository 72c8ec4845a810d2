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
    const [, pauses = ''] = /^for pause in (.*); do$/m.exec(agent()) ?? [];
    const seconds = pauses.split(' ').reduce((sum, pause) => sum + Number(pause), 0);
    expect(seconds).toBeGreaterThanOrEqual(300);
    expect(seconds).toBeLessThan(316);
    const patient = agent({ giveUpSeconds: undefined });
    expect(patient).toContain('while true; do');
    expect(patient).not.toContain('chainloader');
  });

  it('loads its kernel once, however often the initramfs breaks off', () => {
    const commands = `set() { eval "$1"; }; sleep() { :; }; linux() { echo kernel; }; boot() { exit; }
      initrd() { echo initramfs; tries=$((tries + 1)); [ $tries -gt 2 ]; }\n`;
    const said = execFileSync('bash', { input: commands + agent(), encoding: 'utf8' });
    const loaded = said.split('\n').filter((line) => /^(kernel|initramfs)$/.test(line));
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
