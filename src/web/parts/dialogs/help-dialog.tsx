// The help dialog: keys and filter terms.
import { fieldNames } from '../../../model/search/fields.ts';
import { Dialog } from '../parts.tsx';

const keys: readonly (readonly [string, string])[] = [
  ['/', 'filter, from any page'],
  ['j  k  ↓  ↑', 'next or previous machine'],
  ['PgDn  PgUp  Home  End', 'a page on or back, first or last machine'],
  ['Enter', 'open the machine'],
  ['x  Space', 'select the machine'],
  ['Shift + ↓ ↑ or click', 'select several'],
  ['Ctrl + A', 'select all machines shown'],
  ['t  a  p', 'tag the selection, assign it a template, provision it'],
  ['n', 'add a machine that has not booted yet'],
  ['Esc', 'clear the selection, then the filter; leave a page, or lead to Save'],
];

const words: readonly (readonly [string, string])[] = [
  ['rack-4', 'name, address, MAC, serial, model, tag, label … contains it'],
  ['"left side"', 'blanks and colons stand in quotes'],
  ['tag:rack-*', 'has a tag that starts with rack-'],
  ['gpu:*', 'has a GPU'],
  ['-tag:spare', 'does not match tag:spare'],
  ['seen:10m  seen:>7d', 'was heard in the last 10 minutes; longer ago than 7 days'],
];

const fields = fieldNames.map(([name, says]) => [`${name}:`, says] as const);

export function HelpDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys and filters" onClose={onClose}>
      <Terms terms={keys} />
      <Terms terms={words} />
      <Terms terms={fields} />
      <footer>
        <a href="/docs">API</a>
        <span class="spring" />
        <button type="button" autoFocus onClick={onClose}>
          Close
        </button>
      </footer>
    </Dialog>
  );
}

function Terms({ terms }: { terms: readonly (readonly [string, string])[] }) {
  return (
    <dl class="terms">
      {terms.map(([name, meaning]) => (
        <div key={name}>
          <dt>
            {name.split('  ').map((part) => (
              <kbd key={part}>{part}</kbd>
            ))}
          </dt>
          <dd>{meaning}</dd>
        </div>
      ))}
    </dl>
  );
}
