// The question before a command does what cannot be undone.
import { AppError } from '../../core/errors.ts';
import type { Io } from '../command.ts';

/** Asks whether to go on. Errors: AppError `usage.invalid` for anything but yes, and where nobody is there. */
export async function confirm(io: Io, names: readonly string[], done: string): Promise<void> {
  const shown = names.length > 5 ? [...names.slice(0, 5), `${names.length - 5} more`] : names;
  const answer = await io.ask(`${shown.join(', ')} will be ${done}. Go on? [y/N] `);
  if (answer === undefined) {
    throw new AppError(
      'usage.invalid',
      'nothing was done: there is no terminal to ask on; add --yes',
    );
  }
  if (!/^y(?:es)?$/i.test(answer.trim())) {
    throw new AppError('usage.invalid', 'nothing was done');
  }
}
