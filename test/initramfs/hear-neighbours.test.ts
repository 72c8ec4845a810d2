// The listener of the netboot image beside cards whose firmware keeps LLDP to itself. No such card can be had here:
// a library laid under the real program answers for the driver. Needs gcc, and says so where it is missing.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const dir = mkdtempSync(join(tmpdir(), 'dragonfly-lldp-'));
const compiler = 'gcc';
const program = join(dir, 'hear-neighbours');
const library = join(dir, 'driver.so');
const source = join(import.meta.dirname, '../../initramfs/c/hear-neighbours.c');

/** Private flags as a driver has them: FLAGS names them in order, VALUE is their bits, and what is set goes to LOG. */
const driver = `
#include <linux/ethtool.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int ioctl(int fd, unsigned long request, ...) {
  (void)fd; (void)request;
  va_list rest; va_start(rest, request);
  struct ifreq *asked = va_arg(rest, struct ifreq *);
  va_end(rest);
  char names[256];
  strncpy(names, getenv("FLAGS"), 255);
  unsigned count = 0;
  struct ethtool_gstrings *strings = (void *)asked->ifr_data;
  struct ethtool_sset_info *info = (void *)asked->ifr_data;
  struct ethtool_value *value = (void *)asked->ifr_data;
  __u32 command = value->cmd;
  for (char *name = strtok(names, " "); name; name = strtok(NULL, " "), count++)
    if (command == ETHTOOL_GSTRINGS) strncpy((char *)strings->data + count * ETH_GSTRING_LEN, name, ETH_GSTRING_LEN);
  if (command == ETHTOOL_GSSET_INFO) {
    if (count == 0) info->sset_mask = 0;
    else info->data[0] = count;
  }
  if (command == ETHTOOL_GPFLAGS) value->data = (unsigned)atoi(getenv("VALUE"));
  if (command == ETHTOOL_SPFLAGS) {
    FILE *log = fopen(getenv("LOG"), "a");
    fprintf(log, "%s %u\\n", asked->ifr_name, value->data);
    fclose(log);
  }
  return 0;
}
`;

function build(): string | undefined {
  try {
    const shim = join(dir, 'driver.c');
    writeFileSync(shim, driver);
    execFileSync(compiler, ['-shared', '-fPIC', '-o', library, shim], { stdio: 'pipe' });
    execFileSync(compiler, ['-Os', '-Wall', '-Wextra', '-Werror', '-o', program, source]);
    return undefined;
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return 'no gcc';
    throw err;
  }
}

const missing = build();

afterAll(() => {
  rmSync(dir, { recursive: true });
});

/** Returns the flags that the driver was told to set. */
function told(flags: string, value: number): string {
  const log = join(dir, 'log');
  writeFileSync(log, '');
  const env = { ...process.env, LD_PRELOAD: library, FLAGS: flags, VALUE: String(value), LOG: log };
  execFileSync(program, ['0', 'eth7'], { env });
  return readFileSync(log, 'utf8');
}

describe.skipIf(missing !== undefined)(
  `the listener${missing ? ` (skipped: ${missing})` : ''}`,
  () => {
    it.each([
      ['i40e', 'MFP total-port-shutdown disable-fw-lldp', 0b010, 'eth7 6\n'],
      ['ice', 'link-down-on-close fw-lldp-agent vf-vlan-pruning', 0b011, 'eth7 1\n'],
      ['i40e that was told before', 'MFP disable-fw-lldp', 0b10, ''],
      ['ice that was told before', 'link-down-on-close fw-lldp-agent', 0b01, ''],
      ['another card', 'legacy-rx', 0b1, ''],
      ['a card without flags', '', 0, ''],
    ])(
      'tells the firmware of %s to leave LLDP to it, and changes nothing else',
      (_, flags, value, log) => {
        expect(told(flags, value)).toBe(log);
      },
    );

    it('wants ports, and seconds that make sense', () => {
      for (const words of [['0'], ['-1', 'eth0'], ['999', 'eth0']]) {
        expect(() => execFileSync(program, words, { stdio: 'pipe' })).toThrow('usage:');
      }
    });
  },
);
