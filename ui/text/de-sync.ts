// The German texts of a sync: why it fails, and its health.

import type { Translation } from './catalogue.ts';
import type { enSync } from './en-sync.ts';

export const deSync: Translation<typeof enSync> = {
  // Why no answer from the server arrived.
  'failure.name_not_found': 'Einen Server mit diesem Namen gibt es nicht. Prüfen Sie die Adresse und Ihre Netzwerkverbindung.',
  'failure.refused': 'Der Server lehnt Verbindungen ab. Vielleicht läuft er nicht, oder die Adresse hat einen anderen Port.',
  'failure.timed_out': 'Der Server antwortet nicht. Vielleicht läuft er nicht, oder eine Firewall blockiert die Verbindung.',
  'failure.interrupted': 'Die Verbindung zum Server ist abgebrochen. Versuchen Sie es noch einmal. Wenn es wieder passiert, fragen Sie '
    + 'Ihren Administrator.',
  'failure.not_https': 'Der Server bietet keine sichere Verbindung (HTTPS) an, die Invoify nutzen kann. Prüfen Sie Adresse und '
    + 'Port. Nur für einen Server auf diesem Computer geht es ohne: Geben Sie http:// vor der Adresse ein.',
  'failure.certificate_untrusted': 'Dieser Computer vertraut dem Zertifikat des Servers nicht: Es ist selbstsigniert, sein Aussteller ist '
    + 'unbekannt, oder es ist zu schwach. Fragen Sie Ihren Administrator.',
  'failure.certificate_revoked': 'Das Zertifikat des Servers wurde von seinem Aussteller widerrufen. Fragen Sie Ihren Administrator, und '
    + 'melden Sie sich bis dahin nicht an.',
  'failure.certificate_expired': 'Das Zertifikat des Servers ist abgelaufen. Prüfen Sie Datum und Uhrzeit dieses Computers. Wenn beides '
    + 'stimmt, bitten Sie Ihren Administrator, es zu erneuern.',
  'failure.certificate_not_yet_valid': 'Das Zertifikat des Servers ist noch nicht gültig. Prüfen Sie Datum und Uhrzeit dieses Computers. '
    + 'Wenn beides stimmt, fragen Sie Ihren Administrator.',
  'failure.certificate_date': 'Das Zertifikat des Servers ist abgelaufen oder noch nicht gültig. Prüfen Sie Datum und Uhrzeit dieses '
    + 'Computers. Wenn beides stimmt, fragen Sie Ihren Administrator.',
  'failure.certificate_wrong_name': 'Das Zertifikat des Servers gilt für einen anderen Namen. Prüfen Sie die Adresse.',
  'failure.redirected': 'Der Server leitet zu einer anderen Adresse weiter. Fragen Sie Ihren Administrator nach der genauen Adresse.',
  'failure.client_certificate': 'Der Server oder ein Proxy davor verlangt ein Clientzertifikat, und Invoify kann keines vorweisen. Bitten '
    + 'Sie Ihren Administrator, Invoify ohne Zertifikat durchzulassen.',
  'failure.blocked': 'Eine Firewall oder ein Sicherheitsprogramm auf diesem Computer lässt Invoify keine Verbindung aufbauen. Fragen Sie '
    + 'Ihren Administrator.',
  'failure.proxy_password': 'Ein Proxy auf dem Weg zum Server verlangt ein Passwort, und Invoify hat keines dafür. Bitten Sie Ihren '
    + 'Administrator, Invoify ohne Passwort durchzulassen oder den Proxy Ihre Windows-Anmeldung annehmen zu lassen.',
  'failure.proxy_failed': 'Der Proxy dieses Netzwerks stellt keine Verbindung zum Server her. Prüfen Sie die Proxyeinstellungen.',
  'failure.broken_encoding': 'Die Antwort des Servers wurde unterwegs beschädigt: Sie lässt sich nicht dekomprimieren. Vielleicht hat ein '
    + 'Proxy oder ein Virenscanner sie verändert.',
  'failure.not_invoify': 'Unter dieser Adresse antwortet kein Invoify-Server. Prüfen Sie die Adresse. Vielleicht müssen Sie sich in diesem '
    + 'Netzwerk auch erst im Browser anmelden.',
  'failure.replayed': 'Etwas zwischen diesem Computer und dem Server hat an seiner Stelle geantwortet. Bitten Sie Ihren Administrator, das '
    + 'Zwischenspeichern für diese Adresse abzuschalten.',

  // Sync health.
  'health.title': 'Synchronisierungsstatus',
  'health.copy': 'Bericht kopieren',
  'health.copyHint': 'Der Bericht enthält keine personenbezogenen Daten und keine Passwörter.',
  'health.state': 'Status',
  'health.attempts': 'Letzte Versuche',
  'health.noAttempts': 'Noch keine Versuche.',
  'health.started': 'Beginn',
  'health.duration': 'Dauer',
  'health.changes': 'Änderungen',
  'health.bytes': 'Empfangen',
  'health.result': 'Ergebnis',
  'health.completed': 'Abgeschlossen',
  'health.failed': 'Fehlgeschlagen',
  'health.cancelled': 'Abgebrochen',
  'health.holdings': 'Auf diesem Computer',
  'health.collection': 'Datenart',
  'health.records': 'Datensätze',
  'health.proved': 'Geprüft',
  'health.size': 'Größe auf dem Datenträger',
  'health.digest': 'Stimmt mit dem Server überein',
  'health.digestEqual': 'Ja, Stand der letzten Synchronisierung',
  'health.digestOpen': 'Noch nicht verglichen',
  'health.verified': 'Datensätze zuletzt geprüft',
  'health.never': 'Noch nicht',
  'health.lastSync': 'Letzte Synchronisierung',
  'health.clockChanged': 'Unbekannt: Die Uhr dieses Computers wurde verstellt',
  'health.notice': 'Hinweis',
  'health.showing': 'Die letzten {count} Versuche',
};
