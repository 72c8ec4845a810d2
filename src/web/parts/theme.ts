// Dark or light: as the system says, unless the operator chose.

export type Theme = 'system' | 'light' | 'dark';

const storageKey = 'dragonfly.theme';
const themes: readonly Theme[] = ['system', 'light', 'dark'];

export function storedTheme(): Theme {
  const stored = localStorage.getItem(storageKey);
  return themes.find((theme) => theme === stored) ?? 'system';
}

/** Shows the theme and remembers it. The colours follow from `color-scheme` (see styles/base.css). */
export function applyTheme(theme: Theme): void {
  localStorage.setItem(storageKey, theme);
  document.documentElement.dataset['theme'] = theme;
}

/** The theme after this one, as the button goes through them. */
export function nextTheme(theme: Theme): Theme {
  return themes[(themes.indexOf(theme) + 1) % themes.length] ?? 'system';
}
