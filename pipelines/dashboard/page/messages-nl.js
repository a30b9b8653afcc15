// Texts.

export const messagesNl = {};
