// What no capture ever keeps, redacted or not: credentials.
import type { Read } from '../../sources/recording.ts';

const removed = 'removed';

/** `token=…`, `root.password=…`, `rd.luks.key=…`: the value goes, the name stays. */
const credential =
  /((?:^|[\s,;?&"'])[\w.-]*(?:token|passw(?:or)?d|passphrase|secret|credential|api-?key|\bkey|auth)[\w.-]*=)("[^"]*"|'[^']*'|[^\s,;&]+)/gi;
/** `https://user:password@host/` */
const urlPassword = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi;

/** The same read without passwords, tokens and the like, and without other processes' affairs. */
export function scrubCredentials(read: Read): Read {
  const { asked, outcome } = read;
  if (!('value' in outcome)) return read;
  const { value } = outcome;
  if (asked.read === 'text' && asked.path.endsWith('/environ') && typeof value === 'string') {
    return { asked, outcome: { value: containerVariable(value) } };
  }
  if (asked.read === 'list' && asked.path === '/proc' && Array.isArray(value)) {
    return { asked, outcome: { value: value.filter((name) => !/^\d+$/.test(name)) } };
  }
  return typeof value === 'string' ? { asked, outcome: { value: scrub(value) } } : read;
}

function scrub(text: string): string {
  return text.replaceAll(credential, `$1${removed}`).replaceAll(urlPassword, `$1${removed}@`);
}

/** Of an environment only the variable that says which container it is in. */
function containerVariable(environ: string): string {
  const found = environ.split(/[\0\n]/).find((entry) => entry.startsWith('container='));
  return found === undefined ? '' : `${found}\0`;
}
