import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { doctor } from '../../../src/cli/agent/doctor.ts';
import { startServer } from '../../agent/server.ts';
import { exampleMarks, writeMachine } from '../../capture/synthetic-machine.ts';
import { runCommand } from '../run-command.ts';

let top: string;
beforeAll(() => {
  top = mkdtempSync(join(tmpdir(), 'dragonfly-doctor-'));
  writeMachine(join(top, 'machine'), exampleMarks);
});
afterAll(() => {
  rmSync(top, { recursive: true });
});

describe('doctor', () => {
  it('says what failed, with the next step, and exits with 1', async () => {
    const { code, stdout } = await runCommand(doctor, ['--root', join(top, 'machine')]);
    expect(code).toBe(1);
    expect(stdout).toMatchInlineSnapshot(`
      "pass  DMI          ACME Server 1, SMBIOS 3.2
      pass  UUID         4c4c4544-0051-3510-8052-b4c04f4a3132
      pass  machine-id   0123456789abcdef0123456789abcde0
      pass  Secure Boot  on
      pass  wired NIC    eth0 (driver not known), eth1 (driver not known)
      FAIL  link         eth0 is switched off, eth1 is switched off
                         -> switch one on: ip link set eth0 up
      pass  address      203.0.113.77, 203.0.116.9, 2001:db8:4:7::1234
      pass  route        default over eth0 via 203.0.112.1
      pass  disks        /dev/sda

      8 passed, 0 warnings, 1 failed
      "
    `);
  });

  it('prints the findings as JSON, the server among them', async () => {
    const server = await startServer();
    try {
      const argv = ['--root', join(top, 'machine'), '--server', server.url, '--json'];
      const { stdout } = await runCommand(doctor, argv);
      expect(JSON.parse(stdout)).toMatchObject({
        verdict: 'fail',
        findings: expect.arrayContaining([
          { check: 'server', verdict: 'pass', message: `${server.url} answers`, next: null },
        ]),
      });
    } finally {
      await server.close();
    }
  });
});
