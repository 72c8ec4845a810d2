// Reads YAML that may be anything, so that it takes time by its length and no stack by its depth. Pure.
import { Composer, CST, Lexer, Parser } from 'yaml';

/** True if a text has more lexemes than `most`: words, signs, indents. They are quickly counted, and each takes as long to read
 *  as hundreds of letters. */
export function hasMoreLexemes(source: string, most: number): boolean {
  const lexemes = new Lexer().lex(source);
  for (let count = 0; count <= most; count += 1) if (lexemes.next().done === true) return false;
  return true;
}

/** The tokens of a text; undefined where it is nested deeper than `maxDepth`. */
export function yamlTokens(source: string, maxDepth: number): CST.Token[] | undefined {
  try {
    const tokens = [...new Parser().parse(source)];
    return isDeeper(tokens, maxDepth) ? undefined : tokens;
  } catch (err) {
    // The parser calls itself for what is nested in flows.
    if (err instanceof RangeError) return undefined;
    throw err;
  }
}

/** True if tokens, not nested deeper than a stack holds, are no YAML. */
export function hasYamlErrors(tokens: readonly CST.Token[]): boolean {
  if (tokens.some(({ type }) => type === 'error')) return true;
  return withoutStacks(() =>
    [...new Composer({ uniqueKeys: false }).compose(tokens)].some(
      ({ errors }) => errors.length > 0,
    ),
  );
}

/** Runs `work`, whose errors have no stacks: a text may have an error in each character, and the stacks take most of
 *  the time. */
export function withoutStacks<T>(work: () => T): T {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = before;
  }
}

function isDeeper(tokens: readonly CST.Token[], maxDepth: number): boolean {
  const open: [CST.Token, number][] = tokens.map((token) => [token, 0]);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [token, depth] = next;
    if (depth > maxDepth) return true;
    if (token.type === 'document' && token.value) open.push([token.value, depth]);
    if (!CST.isCollection(token)) continue;
    for (const { key, value } of token.items) {
      if (key) open.push([key, depth + 1]);
      if (value) open.push([value, depth + 1]);
    }
  }
  return false;
}
