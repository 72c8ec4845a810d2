// The tags of a request as they are stored.
import { AppError } from '../../core/errors.ts';
import { asStored, faultOf } from '../../model/text/tag.ts';

/** The tags of a field of a body, each once. Those that are `kept` from before stay as they are, however an older
 *  version took them. Errors: AppError `request.invalid`. */
export function tagsFrom(
  field: string,
  sent: readonly string[],
  kept: readonly string[] = [],
): string[] {
  const tags = sent.map((tag, i) => {
    if (kept.includes(tag)) return tag;
    const fault = faultOf(tag);
    if (fault === undefined) return asStored(tag);
    const path = `${field}[${i}]`;
    throw new AppError('request.invalid', `${path} ${fault}`, { details: { path, part: 'body' } });
  });
  return [...new Set(tags)];
}

/** True for tags with one of these among them, in whichever spelling of Unicode they are stored. */
export function haveOneOf(wanted: readonly string[]): (tags: readonly string[]) => boolean {
  const spelt = new Set(wanted.map(asStored));
  return (tags) => tags.some((tag) => spelt.has(asStored(tag)));
}
