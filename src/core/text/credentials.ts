// Passwords, tokens and the like in text that leaves its machine: found by their names, and taken out.

const removed = 'removed';

// A lookahead finds the word in a name, and the name is then taken whole: a run on each side of the word would take minutes
// for 1 MiB of text that repeats it.
const credentialName =
  '(?:(?=[\\w.-]*(?:token|passw(?:or)?d|passphrase|secret|credential|api-?key|community))[\\w.-]+|' +
  '(?:[\\w.-]*[._-])?(?:key|auth|psk|pass)|cifspass)';
/** `token=…`, `root.password=…`, `rd.luks.key=…`: removes the value, keeps the name. */
const credential = new RegExp(
  `((?:^|[\\s,;?&"'])${credentialName}=)("[^"]*"|'[^']*'|[^\\s,;&]+)`,
  'gi',
);
/** The same as a kernel parameter, whose value ends only at a blank. */
const credentialParameter = new RegExp(`^("?${credentialName}=).+$`, 'is');
/** `https://user:password@host/`, and dracut's `iscsi:user:password@host:…`, `cifs:user:password@host` */
const urlPassword = /([a-z0-9+.-]:\/\/)[^\s/@]+@|(\b(?:iscsi|cifs):)[^\s/@]{1,512}@/gi;
/** A URL's query may hold a signature. */
const url = /[a-z0-9+.-]:\/\/[^\s?"'][^\s"']*/gi;
const query = /(?<=\?).+/s;
const plainName =
  '(?=[\\w.-]*(?:token|passw(?:or)?d|passphrase|secret|credential|api-?key))[\\w.-]+';
/** `password: …`, `"password": "…"`, also where quotes are escaped. */
const spelled = new RegExp(
  `((?:^|[\\s,;?&({"'])${plainName}\\\\?["']?\\s*:\\s*\\\\?)("[^"]*"|'[^']*'|[^\\s,;&})]+)`,
  'gi',
);
/** `--password …` */
const option = new RegExp(`((?:^|\\s)--${plainName}\\s+)("[^"]*"|'[^']*'|[^\\s-]\\S*)`, 'gi');
/** This project's own tokens, with whatever name. */
const ownToken = /\bdf[bemor]_[\w.~+/-]{8,}=*/g;
const bearer = /\b(Bearer|Basic)\s+[\w.~+/-]{8,}=*/gi;

/** The text without the values of credentials and without passwords of URLs. */
export function withoutSecrets(text: string): string {
  return text.replaceAll(credential, `$1${removed}`).replaceAll(urlPassword, `$1$2${removed}@`);
}

/** A kernel parameter without its value, if that is a credential. */
export function withoutParameterSecret(word: string): string {
  return withoutSecrets(word.replace(credentialParameter, `$1${removed}`));
}

/** A line of a log, also without queries of URLs and without tokens that no name announces. */
export function withoutLogSecrets(line: string): string {
  return withoutSecrets(line)
    .replaceAll(spelled, `$1${removed}`)
    .replaceAll(option, `$1${removed}`)
    .replaceAll(url, (one) => one.replace(query, '…'))
    .replaceAll(ownToken, removed)
    .replaceAll(bearer, `$1 ${removed}`);
}
