// Explains an identity: lists every source, used or not and why, and the bytes that were hashed.
import type { IdentityExplanation } from '../../identity/identify.ts';
import type { Identity } from '../../model/inventory.ts';
import { consoleColumns, pairs, wrap } from './table.ts';

const names = { mac: 'MAC', smbios_uuid: 'UUID', machine_id: 'machine-id' } as const;

/** The explanation's text, at most 80 columns wide. */
export function explanationText(identity: Identity, explanation: IdentityExplanation): string {
  const sources = explanation.sources.flatMap((source) => {
    const verdict = source.used ? 'used    ' : 'not used';
    const why = source.why === null ? [] : [source.why];
    const details = [`read from ${source.source}`, ...why];
    return [
      `  ${verdict}  ${names[source.kind].padEnd(10)}  ${source.value ?? '-'}`,
      ...details
        .flatMap((line) => wrap(line, consoleColumns - 26))
        .map((line) => `${' '.repeat(24)}${line}`),
    ];
  });
  const bytes = Buffer.byteLength(explanation.hashed);
  return [
    'sources',
    ...sources,
    '',
    ...pairs([
      ['primary MAC', `${identity.primary_mac ?? 'none'}: ${explanation.primary}`],
      ['bytes hashed', `${bytes}, the MACs sorted, then the UUID, then the machine-id:`],
      ['', explanation.hashed],
      ['SHA-256', identity.identity_hash],
    ]),
    '',
  ].join('\n');
}

/** The identity alone. */
export function identityText(identity: Identity): string {
  const rows = pairs([
    ['primary MAC', identity.primary_mac],
    ['all MACs', identity.all_macs.join(' ') || null],
    ['UUID', identity.smbios_uuid],
    ['machine-id', identity.machine_id],
    ['identity hash', identity.identity_hash],
  ]);
  return `${rows.join('\n')}\n`;
}
