// Lists that are read page by page while they are iterated.
import { AppError } from '../core/errors.ts';
import { hasParts, type CallOptions, type Calls, type Query } from './calls.ts';

export interface ListOptions extends CallOptions {
  /** Documents per page: 1 to 1,000. Default: 200. */
  readonly pageSize?: number | undefined;
}

/** The options for a list that can be searched. */
export interface SearchOptions extends ListOptions {
  /** Called for each page that the server had to search its records for, since its fleet is too large for its memory. */
  readonly onUnindexed?: (() => void) | undefined;
}

/** A list that is read while it is iterated, by document or by page. Each iteration reads it anew. Documents
 *  created or deleted meanwhile may or may not be in it; no other is left out or comes twice. */
export interface Listing<T> extends AsyncIterable<T> {
  /** Pages before the last may be short or empty. */
  pages(): AsyncGenerator<readonly T[]>;
  toArray(): Promise<T[]>;
}

/** A kind of document in the answers of lists. */
interface Kind {
  /** The field that has the list. */
  readonly field: string;
  /** The objects that are in each document, in every version of the server. */
  readonly parts?: readonly string[];
}

/** Lists the documents of a kind in the answers of `path`. */
export function listing<T>(
  calls: Calls,
  path: string,
  { field, parts = [] }: Kind,
  query: Query,
  { pageSize = 200, signal, onUnindexed }: SearchOptions,
): Listing<T> {
  async function* pages(): AsyncGenerator<readonly T[]> {
    let cursor: string | undefined;
    do {
      const page = await calls.get<Page<T>>(path, {
        query: { ...query, limit: pageSize, cursor },
        signal,
      });
      const { [field]: documents, next_cursor: next } = page;
      // A list that leads back to where it was would never end.
      const isList = Array.isArray(documents) && documents.every((one) => hasParts(one, parts));
      if (!isList || (typeof next === 'string' && next === cursor)) {
        throw new AppError('server.garbled', `the answer to ${path} is not a list of ${field}`);
      }
      if (Object(page).unindexed === true) onUnindexed?.();
      yield documents;
      cursor = next ?? undefined;
    } while (cursor !== undefined);
  }
  return {
    pages,
    async toArray() {
      const all: T[] = [];
      for await (const page of pages()) all.push(...page);
      return all;
    },
    async *[Symbol.asyncIterator]() {
      for await (const page of pages()) yield* page;
    },
  };
}

type Page<T> = { readonly next_cursor: string | null } & Readonly<Record<string, readonly T[]>>;
