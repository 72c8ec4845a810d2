// The compiler on planted misspelt fields: no type of the project lets one pass.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const repository = resolve(import.meta.dirname, '../..');

/** [file of src/, type, a field that it has, one that it has not]. */
const planted = [
  ['model/inventory.ts', 'Hardware', 'memory_source', 'memory_sources'],
  ['model/inventory.ts', 'Hardware', 'infiniband', 'infinband'],
  ['model/inventory.ts', 'Inventory', 'problems', 'problem'],
  ['model/inventory.ts', 'Facts', 'installedOs', 'installedOS'],
  ['model/machine.ts', 'Machine', 'report', 'reports'],
  ['model/machine.ts', 'HardwareInfo', 'gpus', 'gpu'],
  ['model/machine.ts', 'AgentReport', 'existing_os', 'exisiting_os'],
  ['model/api/agent.ts', 'CheckinRequest', 'interfaces', 'network_interfaces'],
  ['model/hardware/disk.ts', 'StoredDisk', 'transport', 'transports'],
  ['model/hardware/disk.ts', 'CheckinDisk', 'serial', 'serial_number'],
  ['model/hardware/network-interface.ts', 'StoredInterface', 'pci_address', 'pci_adress'],
  ['model/hardware/gpu.ts', 'StoredGpu', 'vram_bytes', 'vram'],
  ['model/hardware/existing-os.ts', 'StoredOs', 'fs_uuid', 'uuid'],
  ['model/problem.ts', 'Problem', 'message', 'messages'],
  ['server/rules/fill/variables.ts', 'FleetSettings', 'default_user', 'default_usr'],
] as const;

describe('the compiler', () => {
  let directory: string;
  let complaints: string[];

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'misspelt-fields-'));
    const source = relative(directory, join(repository, 'src'));
    const lines = planted.flatMap(([file, type, right, wrong], i) => [
      `import type { ${type} as T${i} } from '${source}/${file}';`,
      `export const right${i} = (value: T${i}): unknown => value.${right};`,
      `export const wrong${i} = (value: T${i}): unknown => value.${wrong};`,
    ]);
    writeFileSync(join(directory, 'planted.mts'), lines.join('\n'));
    const compilerOptions = { typeRoots: [join(repository, 'node_modules/@types')] };
    const config = { extends: join(repository, 'tsconfig.json'), compilerOptions };
    const files = { include: ['planted.mts'] };
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ ...config, ...files }));
    complaints = compile(directory);
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  it.each(planted)('refuses in %s that %s has a field beside %s', (_file, type, right, wrong) => {
    const said = complaints.filter((line) => line.includes(`'${wrong}' does not exist on type`));
    expect([type, said.length]).toEqual([type, 1]);
    expect(complaints.filter((line) => line.includes(`'${right}' does not exist`))).toEqual([]);
  });

  it('finds nothing else wrong', () => {
    expect(complaints).toHaveLength(planted.length);
  });
});

/** The errors of tsc, a line each. */
function compile(project: string): string[] {
  const tsc = join(repository, 'node_modules/.bin/tsc');
  try {
    execFileSync(tsc, ['-p', project, '--pretty', 'false'], { encoding: 'utf8' });
    return [];
  } catch (err) {
    // tsc ends with 2 when it found something; its report is on stdout.
    const { stdout } = err as { stdout: string };
    return stdout.split('\n').filter((line) => line.includes('error TS'));
  }
}
