// The vocabulary of templates, read from the server. Until it is there, and where it cannot be read, nothing is known.
import { useCallback, useMemo } from 'preact/hooks';
import { readDescription } from '../requests.ts';
import { useServices } from '../../context.ts';
import { useLoaded } from '../../parts/loaded.ts';
import { vocabularyOf, type Vocabulary } from './vocabulary.ts';

export function useVocabulary(): Vocabulary {
  const { session } = useServices();
  const { value } = useLoaded(useCallback(() => readDescription(session), [session]));
  return useMemo(() => vocabularyOf(value), [value]);
}
