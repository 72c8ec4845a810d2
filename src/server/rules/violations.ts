// Turns schema violations into one sentence about the first, with the path of the field at fault.
import { AppError } from '../../core/errors.ts';

interface Violation {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message?: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** The error for a part of a request ("body") that violates its schema. */
export function invalid(part: string, violations: readonly unknown[]): AppError {
  // These are the validator's error objects, which fastify types as those of another validator.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const first = (violations as readonly Violation[])[0];
  if (first === undefined) return new AppError('request.invalid', `the ${part} is not valid`);
  const missing = first.params['requiredProperties'];
  const field =
    first.keyword === 'required' && Array.isArray(missing) ? `/${String(missing[0])}` : '';
  const path = readablePath(first.instancePath + field);
  const fault =
    first.keyword === 'boolean'
      ? 'is not a field of this request'
      : field === ''
        ? wording(first)
        : 'is missing';
  return new AppError('request.invalid', `${part}: ${path || 'it'} ${fault}`, {
    details: { path, part },
  });
}

const types: ReadonlyMap<unknown, string> = new Map([
  ['string', 'text'],
  ['integer', 'a whole number'],
  ['bigint', 'a whole number'],
  ['number', 'a number'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'fields and their values'],
  ['null', 'null'],
]);
/** As many values as a sentence holds. */
const maxChoices = 12;

/** The validator's message, in words that say what to write instead. */
function wording({ keyword, message = 'is not valid', params }: Violation): string {
  if (keyword === 'type' && 'type' in params) {
    const wanted = [params['type']].flat().map((type) => types.get(type) ?? String(type));
    return `must be ${[...new Set(wanted)].join(' or ')}`;
  }
  const allowed = params['allowedValues'];
  if (keyword !== 'enum' || !Array.isArray(allowed) || allowed.length > maxChoices) return message;
  return `must be one of ${allowed.map(String).join(', ')}`;
}

/** Writes "/spec/actions/2/url" as people do: "spec.actions[2].url". */
function readablePath(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((raw) => raw.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((name, i) => (/^\d+$/.test(name) ? `[${name}]` : i === 0 ? name : `.${name}`))
    .join('');
}
