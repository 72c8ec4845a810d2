import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { copyModules } from '../../../initramfs/content/modules.ts';
import { unknownNames, wants } from '../../../initramfs/content/profiles.ts';
import { isMissing } from '../../../initramfs/tools.ts';

it.skipIf(isMissing('depmod') || isMissing('gcc'))(
  "modules come with those indexes alone that busybox's modprobe reads (depmod, gcc)",
  () => {
    // The profile names modules that a kernel of two has not.
    vi.spyOn(console, 'error').mockImplementation(() => {});
    const folder = mkdtempSync(join(tmpdir(), 'dragonfly-modules-'));
    try {
      const from = join(folder, 'lib', 'modules', '1.2.3');
      for (const name of ['drivers/block/loop', 'drivers/net/veth']) {
        const file = join(from, 'kernel', `${name}.ko`);
        mkdirSync(dirname(file), { recursive: true });
        const source = '__attribute__((section(".modinfo"))) const char alias[] = "alias=some:*";';
        execFileSync('gcc', ['-c', '-x', 'c', '-o', file, '-'], { input: source });
      }
      for (const list of ['builtin', 'builtin.modinfo', 'order']) {
        writeFileSync(join(from, `modules.${list}`), '');
      }
      const target = join(folder, 'image');
      const { version, files } = copyModules('x64', folder, 'virt', target);
      expect([version, files]).toEqual(['1.2.3', ['kernel/drivers/block/loop.ko']]);
      expect(readdirSync(join(target, 'lib', 'modules', version)).toSorted()).toEqual([
        'kernel',
        'modules.alias',
        'modules.builtin',
        'modules.dep',
        'modules.symbols',
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

it('servers have every driver of their disks, and none that offers them to others', () => {
  const scsi = 'drivers/scsi/qla2xxx';
  expect(wants('server', `${scsi}/qla2xxx`)).toBe(true);
  expect(wants('server', `${scsi}/tcm_qla2xxx`)).toBe(false);
  expect(
    ['md-mod', 'raid456', 'md-cluster'].map((m) => wants('server', `drivers/md/${m}`)),
  ).toEqual([true, true, false]);
});

it('a kernel for arm64 is not missed what the one for x64 alone has', () => {
  const [x64, arm64] = [unknownNames('x64', [], []), unknownNames('arm64', [], [])];
  expect(x64.filter((name) => !arm64.includes(name))).toContain('drivers/watchdog/iTCO_wdt');
  expect(arm64).toContain('drivers/net/ethernet/');
});
