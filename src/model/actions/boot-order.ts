// The order of SeaBIOS's boot devices as a template gives it. Pure.
import { AppError } from '../../core/errors.ts';

/** As many as SeaBIOS takes. */
const places = 3;

/** With SeaBIOS's code for each. */
export const bootKinds: readonly (readonly [code: number, ...names: string[]])[] = [
  [1, 'floppy', 'fd'],
  [2, 'hdd', 'disk', 'hard'],
  [3, 'cdrom', 'cd', 'dvd'],
  [4, 'pxe', 'network', 'net', 'bev'],
];

/** Errors: AppError `action.invalid`. */
export function parseBootOrder(order: string): readonly number[] {
  const names = order
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const codes = names.map((name) => {
    const [code] = bootKinds.find(([, ...known]) => known.includes(name)) ?? [];
    if (code !== undefined) return code;
    throw new AppError(
      'action.invalid',
      `boot_order has "${name}"; it takes ${bootKinds.map(([, known]) => known).join(', ')}`,
    );
  });
  if (codes.length === 0 || new Set(codes).size < codes.length) {
    throw new AppError('action.invalid', 'boot_order takes each kind once, and at least one');
  }
  // Dragonfly's agent takes a fourth and forgets it as well.
  return codes.slice(0, places);
}
