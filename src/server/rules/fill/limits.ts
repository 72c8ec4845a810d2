// The limits within which a template is filled in: it is an input, and takes no more time or memory than this
// whatever stands in it. Pure.
import { AppError } from '../../../core/errors.ts';

/** Deeper than any file that people write. */
export const maxYamlDepth = 64;
/** The length of all YAML in a template that has variables in it, JSON included. */
const maxYamlLength = 262_144;
/** The length of all values that are filled in. */
const maxFilledLength = 4_194_304;

/** The room that is left in one template. Units: UTF-16 code units. */
export class Room {
  readonly #yaml = { meant: maxYamlLength, other: maxYamlLength };
  #filled = maxFilledLength;

  /** False where there is none left for so much YAML, or for so much of what may be YAML: 'other'. */
  takeYaml(length: number, kind: 'meant' | 'other'): boolean {
    if (length > this.#yaml[kind]) return false;
    this.#yaml[kind] -= length;
    return true;
  }

  /** Errors: AppError `template.invalid`. */
  takeValue(length: number): void {
    this.#filled -= length;
    if (this.#filled >= 0) return;
    throw invalid(`the values of its variables have more than ${maxFilledLength} characters`);
  }
}

/** YAML that is not filled in. */
export function tooMuchYaml(path: string): AppError {
  return invalid(
    `the YAML with variables in it has more than ${maxYamlLength} characters with ${path}; put the variables into a file of their own`,
  );
}

export function tooDeepYaml(path: string): AppError {
  return invalid(`the YAML of ${path} is nested deeper than ${maxYamlDepth} levels`);
}

function invalid(why: string): AppError {
  return new AppError('template.invalid', `the template cannot be filled in: ${why}`);
}
