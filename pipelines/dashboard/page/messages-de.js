// Texts.

export const messagesDe = {};
