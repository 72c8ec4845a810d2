// Completion in a field of text: a list of what may follow at the caret, and the keys and clicks that take from it.
import type { RefObject } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Completion as Found } from '../../model/search/complete.ts';

type TextField = HTMLInputElement | HTMLTextAreaElement;

interface Options {
  readonly text: string;
  readonly onChange: (text: string) => void;
  readonly complete: (text: string, caret: number) => Found;
  /** True if a term that was taken is followed by another one, for which the list stays open. */
  readonly goesOn: (term: string) => boolean;
  /** Stands after a term that nothing follows. */
  readonly separator: '' | ' ';
  /** True if what is typed opens the list unasked. */
  readonly opensAt?: (text: string, caret: number) => boolean;
}

export interface Completion<Field extends TextField> extends Pick<Found, 'from' | 'suggestions'> {
  readonly field: RefObject<Field | null>;
  /** The suggestion that Enter takes; -1: none. */
  readonly active: number;
  /** At a caret; undefined closes the list. */
  readonly open: (caret: number | undefined) => void;
  readonly take: (index: number) => void;
  readonly type: (text: string, caret: number) => void;
  readonly move: (steps: number) => void;
}

const closed: Found = { from: 0, to: 0, suggestions: [] };

export function useCompletion<Field extends TextField>(options: Options): Completion<Field> {
  const { text, onChange, complete, goesOn, separator, opensAt = () => true } = options;
  const field = useRef<Field>(null);
  /** The caret while suggestions are shown. */
  const [caret, setCaret] = useState<number | undefined>();
  const [active, setActive] = useState(-1);
  const next = useRef<number | undefined>(undefined);
  const { from, to, suggestions } = caret === undefined ? closed : complete(text, caret);

  useLayoutEffect(() => {
    if (next.current === undefined) return;
    field.current?.setSelectionRange(next.current, next.current);
    next.current = undefined;
  }, [text]);

  const open = (at: number | undefined): void => {
    setCaret(at);
    setActive(-1);
  };
  const take = (index: number): void => {
    const term = suggestions[index]?.term;
    if (term === undefined) return;
    const before = text.slice(0, from) + term + (goesOn(term) ? '' : separator);
    const after = text.slice(to);
    next.current = before.length;
    open(goesOn(term) ? before.length : undefined);
    onChange(before + (separator === '' ? after : after.trimStart()));
    field.current?.focus();
  };
  const type = (typed: string, at: number): void => {
    open(opensAt(typed, at) ? at : undefined);
    onChange(typed);
  };
  const move = (steps: number): void => {
    const count = suggestions.length + 1;
    setActive(((active + 1 + steps + count) % count) - 1);
  };
  return { field, suggestions, from, active, open, take, type, move };
}

/** The attributes that tell a screen reader of the list. */
export function completionAttributes({
  suggestions,
  active,
}: Pick<Completion<TextField>, 'suggestions' | 'active'>) {
  return {
    'aria-autocomplete': 'list',
    'aria-controls': suggestions.length > 0 ? 'suggestions' : undefined,
    'aria-activedescendant': active < 0 ? undefined : `suggestion-${String(active)}`,
  } as const;
}

interface ListProps extends Pick<Completion<TextField>, 'suggestions' | 'active' | 'take'> {
  /** Where it stands; undefined: where its style sheet has it. */
  readonly place?: { readonly left: string; readonly top: string };
}

/** One page has one of these at a time. */
export function Suggestions({ suggestions, active, take, place }: ListProps) {
  if (suggestions.length === 0) return null;
  return (
    <ul id="suggestions" role="listbox" aria-label="Suggestions" style={place}>
      {suggestions.map(({ term, says }, i) => (
        <li
          key={term}
          id={`suggestion-${String(i)}`}
          role="option"
          aria-selected={i === active}
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => take(i)}
        >
          <b>{term}</b> <span class="quiet">{says}</span>
        </li>
      ))}
    </ul>
  );
}
