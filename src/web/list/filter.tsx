// The field that a search is typed in, with completion of its fields and of the values that machines have.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { completeAt, type Completion } from '../../model/search/complete.ts';
import { useServices } from '../context.ts';
import { usePageKeys } from './page-keys.ts';

interface FilterProps {
  readonly query: string;
  readonly onChange: (query: string) => void;
  readonly place: { isFilterWanted: boolean };
  /** Called when the keyboard goes on to the list. */
  readonly onLeave: () => void;
}

/** The suggestions at the caret, and what becomes of the query when one is taken. */
function useCompletion({ query, onChange }: Pick<FilterProps, 'query' | 'onChange'>) {
  const { fleet } = useServices();
  const input = useRef<HTMLInputElement>(null);
  /** Where the caret is while suggestions are shown. */
  const [caret, setCaret] = useState<number | undefined>();
  const [active, setActive] = useState(-1);
  const next = useRef<number | undefined>(undefined);
  const none: Completion = { from: 0, to: 0, suggestions: [] };
  const { from, to, suggestions } =
    caret === undefined ? none : completeAt(query, caret, (field) => fleet.valuesOf(field));

  useLayoutEffect(() => {
    if (next.current === undefined) return;
    input.current?.setSelectionRange(next.current, next.current);
    next.current = undefined;
  }, [query]);

  const close = (): void => {
    setCaret(undefined);
    setActive(-1);
  };
  const take = (index: number): void => {
    const term = suggestions[index]?.term;
    if (term === undefined) return;
    const isField = term.endsWith(':');
    const before = query.slice(0, from) + term + (isField ? '' : ' ');
    next.current = before.length;
    setActive(-1);
    setCaret(isField ? before.length : undefined);
    onChange(before + query.slice(to).trimStart());
    input.current?.focus();
  };
  const type = (text: string, at: number): void => {
    setActive(-1);
    setCaret(at);
    onChange(text);
  };
  const move = (steps: number): void => {
    const count = suggestions.length + 1;
    setActive(((active + 1 + steps + count) % count) - 1);
  };
  return { input, suggestions, active, close, take, type, move };
}

export function Filter({ query, onChange, place, onLeave }: FilterProps) {
  const { input, suggestions, active, close, take, type, move } = useCompletion({
    query,
    onChange,
  });
  const isOpen = suggestions.length > 0;
  usePageKeys({ '/': () => input.current?.select() });
  useLayoutEffect(() => {
    if (place.isFilterWanted) input.current?.select();
    place.isFilterWanted = false;
  }, []);
  const leave = (): void => {
    close();
    onLeave();
    document.querySelector<HTMLElement>('#machines')?.focus();
  };
  const keys: Readonly<Record<string, () => void>> = {
    ArrowDown: () => (isOpen ? move(1) : leave()),
    ArrowUp: () => move(-1),
    Enter: () => (active >= 0 ? take(active) : leave()),
    Escape: () => {
      if (isOpen) close();
      else if (query === '') leave();
      else onChange('');
    },
    ...(active >= 0 ? { Tab: () => take(active) } : {}),
  };
  return (
    <div class="filter">
      <input
        ref={input}
        role="combobox"
        aria-label="Filter machines"
        aria-autocomplete="list"
        aria-expanded={isOpen}
        aria-controls={isOpen ? 'suggestions' : undefined}
        aria-activedescendant={active < 0 ? undefined : `suggestion-${String(active)}`}
        placeholder="Filter: name, MAC, serial, tag:gpu, state:error …"
        autoComplete="off"
        spellcheck={false}
        maxLength={1024}
        value={query}
        onInput={({ currentTarget: { value, selectionStart } }) =>
          type(value, selectionStart ?? value.length)
        }
        onBlur={close}
        onKeyDown={(event) => {
          if (!Object.hasOwn(keys, event.key)) return;
          event.preventDefault();
          event.stopPropagation();
          keys[event.key]?.();
        }}
      />
      <kbd aria-hidden="true">/</kbd>
      {isOpen && <Suggestions suggestions={suggestions} active={active} onTake={take} />}
    </div>
  );
}

interface SuggestionsProps {
  readonly suggestions: Completion['suggestions'];
  readonly active: number;
  readonly onTake: (index: number) => void;
}

function Suggestions({ suggestions, active, onTake }: SuggestionsProps) {
  return (
    <ul id="suggestions" role="listbox" aria-label="Suggestions">
      {suggestions.map(({ term, says }, i) => (
        <li
          key={term}
          id={`suggestion-${String(i)}`}
          role="option"
          aria-selected={i === active}
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => onTake(i)}
        >
          <b>{term}</b> <span class="quiet">{says}</span>
        </li>
      ))}
    </ul>
  );
}
