// The entry point: applies the theme and renders the page.
import { render } from 'preact';
import { App } from './app.tsx';
import { applyTheme, storedTheme } from './parts/theme.ts';

applyTheme(storedTheme());
const root = document.querySelector('#app');
if (root !== null) render(<App />, root);
