// The wanted order of UEFI boot entries, and the entries that lead nowhere. Pure.
import type { BootEntry, BootVariables } from './efibootmgr.ts';

interface Wanted {
  readonly isNetworkFirst: boolean;
  /** The label of the network entry that goes before the others. */
  readonly label: string | undefined;
  /** The MAC of the port that this boot came from. */
  readonly mac: string | undefined;
  /** The number of the entry for the installed loader. */
  readonly loader: string | undefined;
}

/** Every entry that was in the order, and those that are wanted: the network's first, then the installed
 *  loader's, then the rest as they were. */
export function bootOrder(variables: BootVariables, wanted: Wanted): readonly string[] {
  const { entries } = variables;
  // Firmware keeps numbers of entries that are gone.
  const order = variables.order.filter((number) => entries.some((one) => one.number === number));
  const networks = entries.filter(({ isNetwork }) => isNetwork);
  const rank = (entry: BootEntry): number => networkRank(entry, variables, wanted);
  const at = ({ number }: BootEntry): number => order.indexOf(number) + 1 || Infinity;
  const first = networks.toSorted((a, b) => rank(a) - rank(b) || at(a) - at(b));
  const numbers = wanted.isNetworkFirst
    ? [...first.map(({ number }) => number), ...order]
    : [...order];
  const unique = [...new Set(numbers)].filter((number) => number !== wanted.loader);
  if (wanted.loader === undefined) return unique;
  const isNetwork = (number: string): boolean => networks.some((one) => one.number === number);
  const behind = unique.findIndex((number) => !isNetwork(number));
  unique.splice(behind === -1 ? unique.length : behind, 0, wanted.loader);
  return unique;
}

function networkRank(
  { number, label, mac }: BootEntry,
  { current }: BootVariables,
  wanted: Wanted,
): number {
  if (wanted.label !== undefined && label.toLowerCase().includes(wanted.label.toLowerCase())) {
    return 0;
  }
  if (number === current) return 1;
  return mac !== undefined && mac === wanted.mac ? 2 : 3;
}

/** Entries of partitions that are on no disk of this machine. */
export function staleEntries(
  { entries }: BootVariables,
  partitions: ReadonlySet<string>,
): readonly BootEntry[] {
  return entries.filter(({ partitionUuid: uuid }) => uuid !== undefined && !partitions.has(uuid));
}
