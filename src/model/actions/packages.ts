// The names of packages as a template gives them. Pure.
import { AppError } from '../../core/errors.ts';

/** Separated by commas or blanks. Source: Debian Policy, 5.6.1. Errors: AppError `action.invalid`. */
export function parsePackages(extra = ''): readonly string[] {
  const names = extra.split(/[\s,]+/).filter((name) => name !== '');
  const wrong = names.find((name) => !/^[a-z0-9][a-z0-9+.-]*$/.test(name));
  if (wrong === undefined) return names;
  throw new AppError(
    'action.invalid',
    `extra_packages has "${wrong}", which is not a package name`,
  );
}
