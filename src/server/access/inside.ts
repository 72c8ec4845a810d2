// Tokens that are limited to tags: good for machines with one of these alone. Of others they learn nothing. A
// route takes such tokens only if its configuration says so.
import { AppError } from '../../core/errors.ts';
import type { Machine } from '../../model/machine.ts';
import { haveOneOf } from '../rules/tags.ts';
import { isOperator, type Principal } from './principal.ts';

/** The tags that a sender is limited to; undefined: none. */
export function tagsOf(by: Principal): readonly string[] | undefined {
  return isOperator(by) ? by.tags : undefined;
}

/** True if the sender may know of this machine. */
export function isInside(by: Principal, { config }: Machine): boolean {
  const tags = tagsOf(by);
  return tags === undefined || haveOneOf(tags)(config.tags);
}

/** Refuses a machine beyond the tags of the sender, as one that is not there. Errors: AppError
 *  `machine.unknown`. */
export function refuseOutside(by: Principal, machine: Machine): void {
  if (isInside(by, machine)) return;
  throw new AppError('machine.unknown', `there is no machine ${machine.id}`, {
    details: { machine_id: machine.id },
  });
}

/** Refuses a change that takes a machine away from its sender. Errors: AppError `auth.denied`. */
export function refuseLosing(by: Principal, after: Machine): void {
  if (!isInside(by, after)) throw limited(by, 'and the machine would have none: leave it one');
}

/** Refuses a token with tags where nothing keeps to them. Errors: AppError `auth.denied`. */
export function refuseLimited(by: Principal): void {
  if (tagsOf(by) !== undefined) throw limited(by, 'which this is not about');
}

function limited(by: Principal, why: string): AppError {
  const tags = tagsOf(by)?.join(' or ');
  return new AppError(
    'auth.denied',
    `the token is limited to machines with the tag ${tags}, ${why}`,
  );
}
