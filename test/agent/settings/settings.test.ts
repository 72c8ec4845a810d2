import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { settingSpecs } from '../../../src/agent/settings/settings.ts';

const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');

describe('the README', () => {
  it.each(Object.values(settingSpecs))('has $flag in its table of settings', (spec) => {
    const row = readme.split('\n').find((line) => line.startsWith(`| \`--${spec.flag}\``));
    expect(row).toContain(`| \`${spec.environment}\` |`);
    expect(row).toContain(`\`${spec.kernel}\``);
  });
});
