// The table of rules by which a check-in is the machine that something points at, or another one. Pure.
import type { Stand, Stands } from './stands.ts';

interface Rule {
  /** In the words of the table in docs/server.md. */
  readonly when: string;
  readonly is: 'same' | 'other';
  readonly holds: (s: Stands, board: Stand) => boolean;
}

/** The first rule that holds decides. */
export const rules: readonly Rule[] = [
  {
    when: 'serial number and UUID agree; addresses differ, and disks or the serial number of the board; no disk or memory module agrees',
    is: 'other',
    holds: (s) =>
      s.serial === 'agrees' &&
      s.uuid === 'agrees' &&
      s.primary === 'differs' &&
      s.ports !== 'agrees' &&
      [s.disks, s.boardSerial].includes('differs') &&
      ![s.disks, s.modules].includes('agrees'),
  },
  {
    when: 'serial number and UUID agree',
    is: 'same',
    holds: ({ serial, uuid }) => serial === 'agrees' && uuid === 'agrees',
  },
  {
    when: 'the board and an address agree; of disks, memory modules and product two differ',
    is: 'other',
    holds: (s, board) =>
      board === 'agrees' && isAnyPort(s) && differing(s.disks, s.modules, s.product) >= 2,
  },
  {
    when: 'the board and an address agree',
    is: 'same',
    holds: (s, board) => board === 'agrees' && isAnyPort(s),
  },
  {
    when: 'the board and a disk or memory module agree',
    is: 'same',
    holds: (s, board) => board === 'agrees' && (s.disks === 'agrees' || s.modules === 'agrees'),
  },
  {
    when: 'the board alone agrees; disks, memory modules, product or build differ',
    is: 'other',
    holds: (s, board) =>
      board === 'agrees' && differing(s.disks, s.modules, s.product, s.build) > 0,
  },
  {
    when: 'the board alone agrees, and nothing differs',
    is: 'same',
    holds: (_, board) => board === 'agrees',
  },
  {
    when: 'a disk and a memory module agree',
    is: 'same',
    holds: ({ disks, modules }) => disks === 'agrees' && modules === 'agrees',
  },
  {
    when: 'a disk alone agrees, and no address',
    is: 'other',
    holds: (s) => s.disks === 'agrees' && s.primary !== 'unknown' && !isAnyPort(s),
  },
  {
    when: 'a disk agrees',
    is: 'same',
    holds: ({ disks }) => disks === 'agrees',
  },
  {
    when: 'the board differs, disks are not known; the installation or a memory module agrees',
    is: 'same',
    holds: (s, board) =>
      board === 'differs' &&
      s.disks === 'unknown' &&
      (s.installation === 'agrees' || s.modules === 'agrees'),
  },
  {
    when: 'the board differs',
    is: 'other',
    holds: (_, board) => board === 'differs',
  },
  {
    when: 'disks differ; a memory module or a second address agrees',
    is: 'same',
    holds: ({ disks, modules, ports }) =>
      disks === 'differs' && (modules === 'agrees' || ports === 'agrees'),
  },
  {
    when: 'disks differ',
    is: 'other',
    holds: ({ disks }) => disks === 'differs',
  },
  {
    when: 'the installation, a memory module or a second address agrees',
    is: 'same',
    holds: (s) => [s.installation, s.modules, s.ports].includes('agrees'),
  },
  {
    when: 'memory modules or build differ',
    is: 'other',
    holds: ({ modules, build }) => modules === 'differs' || build === 'differs',
  },
  { when: 'nothing differs', is: 'same', holds: () => true },
];

/** The rule that decides. The last one always holds. */
export function ruleFor(stands: Stands): Rule | undefined {
  const board = boardOf(stands);
  return rules.find(({ holds }) => holds(stands, board));
}

/** Serial number, SMBIOS UUID and product in one. */
function boardOf({ serial, uuid, product }: Stands): Stand {
  if (serial === 'differs') return 'differs';
  if (serial === 'agrees') return uuid === 'differs' ? 'unknown' : 'agrees';
  return uuid === 'unknown' && product === 'differs' ? 'differs' : uuid;
}

function isAnyPort({ primary, ports }: Stands): boolean {
  return primary === 'agrees' || ports === 'agrees';
}

function differing(...stands: readonly Stand[]): number {
  return stands.filter((s) => s === 'differs').length;
}
