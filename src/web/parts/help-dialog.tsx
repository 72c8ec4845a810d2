// The help dialog: keys and filter terms.
import { Dialog } from './parts.tsx';

const keys: readonly (readonly [string, string])[] = [
  ['/', 'filter'],
  ['j  k  ↓  ↑', 'next or previous machine'],
  ['PgDn  PgUp  Home  End', 'a page on or back, first or last machine'],
  ['Enter', 'open the machine'],
  ['x  Space', 'select the machine'],
  ['Shift + ↓ ↑ or click', 'select several'],
  ['Ctrl + A', 'select all machines shown'],
  ['t  a', 'tag the selection, assign it a template'],
  ['n', 'add a machine that has not booted yet'],
  ['Esc', 'clear the selection, then the filter; leave a page'],
];

const words: readonly (readonly [string, string])[] = [
  ['rack-4', 'name, address, MAC, UUID, hardware, serial or tag contains it'],
  ['state:error', 'is in this state'],
  ['live:gone', 'is online, late, gone or unheard'],
  ['tag:gpu  tag:rack-*', 'has this tag, or one that starts with rack-'],
  ['os:debian-13', 'has this template assigned'],
  ['-tag:spare', 'does not match tag:spare'],
];

export function HelpDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys and filters" onClose={onClose}>
      <Terms terms={keys} />
      <Terms terms={words} />
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
