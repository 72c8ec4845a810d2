// The field that a search is typed in, with completion of its fields and of the values that machines have.
import { useLayoutEffect } from 'preact/hooks';
import { completeAt } from '../../model/search/complete.ts';
import { useServices } from '../context.ts';
import { completionAttributes, Suggestions, useCompletion } from '../parts/completion.tsx';
import { usePageKeys } from './page-keys.ts';

interface FilterProps {
  readonly query: string;
  readonly onChange: (query: string) => void;
  readonly place: { isFilterWanted: boolean };
  /** Called when the keyboard goes on to the list. */
  readonly onLeave: () => void;
}

export function Filter({ query, onChange, place, onLeave }: FilterProps) {
  const { fleet } = useServices();
  const completion = useCompletion<HTMLInputElement>({
    text: query,
    onChange,
    complete: (text, caret) => completeAt(text, caret, (field) => fleet.valuesOf(field)),
    goesOn: (term) => term.endsWith(':'),
    separator: ' ',
  });
  const { field: input, suggestions, active, open, take, type, move } = completion;
  const close = (): void => open(undefined);
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
        aria-expanded={isOpen}
        {...completionAttributes(completion)}
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
      <Suggestions {...completion} />
    </div>
  );
}
