// Links of the manual's pages, where the pages stand in another folder. Pure.
import { join, relative } from 'node:path';

/** The target of a link to a file, without its fragment. */
const target = /(?<=\]\()(\.\.?\/[^)#\s]+)/g;

/** A page of `from` as it stands in `to`: what it links to outside the manual stays where it is. */
export function relinked(text: string, from: string, to: string, manual: string): string {
  return text.replaceAll(target, (link) => {
    const file = join(from, link);
    return relative(manual, file).startsWith('..') ? relative(to, file) : link;
  });
}
