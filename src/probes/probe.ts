// The interface of a probe, which finds out one section of the facts.
import type { Facts } from '../model/inventory.ts';
import type { Problem } from '../model/problem.ts';
import type { Root } from '../sources/root.ts';

export type Report = (problem: Problem) => void;

export interface Probe<Name extends keyof Facts> {
  readonly name: Name;
  /** It may take longer than the others: it reads disks, and some machines have many, or slow ones. */
  readonly isPatient?: boolean;
  /** Returns the section, or undefined if it cannot be found out. Reports what could not be read. */
  read(root: Root, report: Report, signal: AbortSignal): Promise<Facts[Name] | undefined>;
}
