// Hosts for tests: what a probe finds out about the files that a test lists.
import { AppError } from '../../src/core/errors.ts';
import type { Facts } from '../../src/model/inventory.ts';
import type { Problem } from '../../src/model/problem.ts';
import { collect } from '../../src/probes/collect.ts';
import { allProbes } from '../../src/probes/index.ts';
import { MemoryRoot, type Entry } from './memory-root.ts';

/** A file that this user may not read. */
export function denied(path = 'it'): Entry {
  return { fails: new AppError('read.denied', `cannot read ${path}`) };
}

/** The findings of one probe, and its reports. */
export async function probe<Name extends keyof Facts>(
  name: Name,
  files: Readonly<Record<string, Entry>>,
  commands: Readonly<Record<string, Entry>> = {},
  options: { probeOs?: boolean } = {},
): Promise<{ found: Facts[Name] | undefined; problems: Problem[]; root: MemoryRoot }> {
  const root = MemoryRoot.of(files, commands);
  const probes = allProbes(options).filter((one) => one.name === name);
  const { facts, problems } = await collect(root, { probes });
  return { found: facts[name], problems, root };
}

/** The section that a probe finds out, which must be there. */
export async function read<Name extends keyof Facts>(
  name: Name,
  files: Readonly<Record<string, Entry>>,
  commands: Readonly<Record<string, Entry>> = {},
): Promise<Facts[Name]> {
  const { found } = await probe(name, files, commands);
  if (found === undefined) throw new Error(`the ${name} probe found nothing`);
  return found;
}

/** The codes and sources of problems. */
export function codes(problems: readonly Problem[]): string[] {
  return problems.map(({ code, source }) => `${code} ${source}`);
}
