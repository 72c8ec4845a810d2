// `dragonfly-server check`: compares the store's records with its indexes.
import type { CheckResult, Finding } from '../../store/check.ts';
import { command } from '../command.ts';
import { asData, formatOptions } from '../formats.ts';
import { openStoreOf, storeSettings } from './settings/store-options.ts';

export const check = command({
  name: 'check',
  describe: 'find records that cannot be read, and indexes that disagree with the records',
  examples: ['check', 'check --repair'],
  settings: storeSettings,
  options: {
    repair: {
      type: 'boolean',
      describe:
        'make the indexes agree with the records, and put aside records that cannot be read',
    },
    ...formatOptions,
  },
  async run(args, io) {
    const [{ checkStore }, { systemClock }] = await Promise.all([
      import('../../store/check.ts'),
      import('../../core/clock.ts'),
    ]);
    const { repair } = args;
    const kv = await openStoreOf(args, io, {
      readOnly: !repair,
      mustExist: true,
      verifyWhole: true,
    });
    try {
      const findings: Finding[] = [];
      const result = await checkStore(kv, repair ? systemClock.now() : undefined, (finding) => {
        findings.push(finding);
      });
      io.print((await asData(args, { ...result, list: findings })) ?? textOf(result, findings));
      return result.findings === result.repaired ? 0 : 1;
    } finally {
      await kv.close();
    }
  },
});

function textOf(result: CheckResult, findings: readonly Finding[]): string {
  const lines = findings.map(
    ({ what, message, repaired }) => `${what}: ${message}${repaired ? ' (repaired)' : ''}`,
  );
  const { records, indexEntries } = result;
  const verdict =
    result.findings === 0
      ? 'nothing wrong'
      : `${result.findings} wrong, ${result.repaired} repaired`;
  return [...lines, `${records} records, ${indexEntries} index entries: ${verdict}`, ''].join('\n');
}
