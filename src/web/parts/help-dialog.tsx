// What the keys and the filter's words mean.
import { Dialog } from './parts.tsx';

const keys: readonly (readonly [string, string])[] = [
  ['/', 'type a filter'],
  ['j  k  ↓  ↑', 'next, previous machine'],
  ['PgDn  PgUp  Home  End', 'move further'],
  ['Enter', 'open the machine'],
  ['x  Space', 'select it'],
  ['Shift + ↓ ↑ or click', 'select several'],
  ['Ctrl + A', 'select all that are shown'],
  ['t  a', 'tag, assign a template to the selection'],
  ['Esc', 'clear the selection, then the filter; leave a page'],
];

const words: readonly (readonly [string, string])[] = [
  ['rack-4', 'name, address, MAC, UUID, hardware, serial or tag contains it'],
  ['state:error', 'in this state'],
  ['live:gone', 'online, late, gone or unheard'],
  ['tag:gpu  tag:rack-*', 'has the tag, or one that begins so'],
  ['os:debian-13', 'is assigned this template'],
  ['-tag:spare', 'not this'],
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
