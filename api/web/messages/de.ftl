# Texte der gehosteten Einwilligungsseiten auf Deutsch.
# Die Schlüssel sind nach Seiten geordnet; en.ftl enthält genau dieselben Schlüssel und Variablen.

## Rahmen

title-with-tenant = { $heading } – { $tenant }
title-error = Fehler: { $heading }
test-banner-label = Testmodus
test-banner-title = Testmodus.
test-banner-text = Es ist keine echte Bank beteiligt, und es werden keine echten Daten weitergegeben.
asked-by = Sie kommen von
language-nav = Sprache
footer-text = Sichere Bankverbindung mit Fondaco
error-summary-title = Bitte prüfen Sie zuerst Folgendes

## Bank auswählen

choose-heading = Welche Bank möchten Sie verbinden?
choose-lead = Wählen Sie die Bank, bei der Sie Ihre Konten führen. Anmelden werden Sie sich in den nächsten Schritten direkt bei der Bank.
choose-search-label = Nach Ihrer Bank suchen
choose-search-hint = Name oder BIC, zum Beispiel „Sparbank“.
choose-search-button = Suchen
choose-results-all = Verfügbare Banken
choose-results-for = Treffer für „{ $query }“
choose-count =
    { $count ->
        [one] { $count } Bank
       *[other] { $count } Banken
    }
choose-none = Zu „{ $query }“ wurde keine Bank gefunden.
choose-none-at-all = Es steht noch keine Bank zur Auswahl.
choose-none-help = Prüfen Sie die Schreibweise, geben Sie einen kürzeren Teil des Namens ein oder suchen Sie nach dem BIC.
choose-show-all = Alle Banken anzeigen
choose-refine = Es gibt weitere Treffer. Angezeigt werden nur die ersten { $count }; grenzen Sie Ihre Suche ein, um Ihre Bank zu finden.
choose-filter-none = Keine Bank in dieser Liste passt dazu.
choose-filter-one = 1 Bank wird angezeigt
choose-filter-many = # Banken werden angezeigt
choose-bic = BIC { $bic }
choose-unavailable = Verbindung nicht möglich
obstacle-certificate = Diese Bank verlangt ein Zertifikat, das hier noch nicht eingerichtet ist.
obstacle-maintenance = Diese Bank ist im Moment nicht erreichbar. Bitte versuchen Sie es später noch einmal.
obstacle-unsupported = Diese Bank bietet den benötigten Zugang nicht an.
problem-query-too-long = Der Suchtext ist zu lang. Verwenden Sie höchstens { $count } Zeichen.
problem-not-available = Diese Bank kann nicht verbunden werden. Suchen Sie nach einer anderen.

## Prüfen

review-heading = Bankdaten für { $tenant } freigeben?
review-lead = Bitte lesen Sie, was Sie freigeben. Es wird nichts weitergegeben, bevor Sie bei Ihrer Bank zugestimmt haben.
review-bank-title = Ihre Bank
review-shared-title = Was weitergegeben wird
share-accounts = Konten
share-accounts-text = Namen, Nummern und Währungen der Konten, die Sie bei Ihrer Bank auswählen
share-balances = Kontostände
share-balances-text = Wie viel Geld auf diesen Konten ist
share-transactions = Umsätze
share-transactions-since = Ein- und Ausgänge seit dem { $date } sowie neue Umsätze, sobald sie anfallen
share-transactions-all = Ein- und Ausgänge, soweit Ihre Bank sie zurückreichend bereitstellt, sowie neue Umsätze, sobald sie anfallen
share-transactions-once = Ein- und Ausgänge seit dem { $date }
share-transactions-once-all = Ein- und Ausgänge, soweit Ihre Bank sie zurückreichend bereitstellt
review-duration-title = Wie lange
duration-until = Bis zum { $date }. Danach endet der Zugriff von selbst.
duration-once = Nur einmal. Die Daten werden ein einziges Mal gelesen, danach endet der Zugriff.
duration-open = Bis Sie Ihre Einwilligung widerrufen.
review-withdraw-title = Wie Sie widerrufen
review-withdraw-text = Sie können jederzeit widerrufen: in { $tenant }, in Ihrem Onlinebanking ({ $institution }) oder über den unten genannten Support.
review-safe-title = Was hier niemand kann
review-safe-pay = Niemand kann hier Zahlungen auslösen oder Geld bewegen.
review-safe-password = Niemand kann hier Ihr Passwort sehen. Sie geben es nur auf den Seiten Ihrer Bank ein ({ $institution }).
review-who-title = Wer anfragt
review-privacy = Datenschutzhinweise von { $tenant }
review-support = Support
review-continue = Weiter zur Bank: { $institution }
review-continue-note = Wenn Sie fortfahren, stimmen Sie zu, dass { $tenant } die oben genannten Daten erhält.
review-other-bank = Andere Bank wählen
cancel-button = Abbrechen und zurück zu { $tenant }

## Unterwegs

handoff-heading = Sie werden zu Ihrer Bank weitergeleitet: { $institution }
handoff-text = Sie melden sich auf den Seiten Ihrer Bank an und stimmen dort zu. Danach kommen Sie hierher zurück.
handoff-link = { $institution } öffnen
working-heading = Einen Moment bitte
working-exchanging = Ihre Bank ({ $institution }) hat Ihre Einwilligung bestätigt. Die Verbindung wird fertiggestellt.
working-reading = Die Verbindung steht. Ihre Konten werden gelesen.
working-note = Das dauert meist nur wenige Sekunden. Sie brauchen nichts zu tun.
working-link = Jetzt erneut prüfen

## Ergebnis

result-success-heading = Ihre Konten sind verbunden
result-success-text = Die Daten Ihrer Bank ({ $institution }) sind auf dem Weg zu { $tenant }.
result-success-count =
    { $count ->
        [one] { $count } Konto bei Ihrer Bank ({ $institution }) ist auf dem Weg zu { $tenant }.
       *[other] { $count } Konten bei Ihrer Bank ({ $institution }) sind auf dem Weg zu { $tenant }.
    }
result-success-next = Die ersten Umsätze erscheinen in wenigen Augenblicken. Sie können jederzeit widerrufen.
result-signatory-heading = Es muss noch jemand zustimmen
result-signatory-text = Sie haben zugestimmt. Ihre Bank ({ $institution }) braucht außerdem die Zustimmung einer weiteren berechtigten Person.
result-signatory-next = Sobald diese Person bei der Bank zugestimmt hat, erhält { $tenant } die Daten. Sie brauchen nichts zu tun.
result-denied-heading = Der Zugriff wurde nicht erlaubt
result-denied-declined = Die Anfrage wurde bei Ihrer Bank ({ $institution }) abgelehnt. Es wurde nichts an { $tenant } weitergegeben.
result-denied-declined-next = Wenn das nicht Ihre Absicht war, können Sie neu beginnen.
result-denied-authentication = Ihre Bank ({ $institution }) konnte nicht bestätigen, dass Sie es waren. Es wurde nichts an { $tenant } weitergegeben.
result-denied-authentication-next = Halten Sie Ihr Passwort und Ihre Banking-App oder Ihren TAN-Generator bereit und versuchen Sie es noch einmal.
result-denied-eligible = Ihre Bank ({ $institution }) erlaubt diesen Zugriff für Ihre Konten nicht. Es wurde nichts an { $tenant } weitergegeben.
result-denied-eligible-next = Fragen Sie Ihre Bank, ob Ihre Konten für den Online-Zugriff freigeschaltet sind, oder wählen Sie eine andere Bank.
result-failed-heading = Die Verbindung ist nicht zustande gekommen
result-failed-bank = Ihre Bank ({ $institution }) hat nicht richtig geantwortet. Es wurde nichts an { $tenant } weitergegeben.
result-failed-bank-next = Das ist oft schnell vorbei. Versuchen Sie es in einigen Minuten noch einmal.
result-failed-accounts = Ihre Bank ({ $institution }) hat kein Konto gemeldet, das freigegeben werden kann.
result-failed-accounts-next = Versuchen Sie es noch einmal und wählen Sie bei Ihrer Bank mindestens ein Konto aus.
result-failed-here = Bei uns ist etwas schiefgegangen. Es wurde nichts an { $tenant } weitergegeben.
result-failed-here-next = Versuchen Sie es noch einmal. Wenn es wieder geschieht, wenden Sie sich an den Support.
result-reference = Wenn Sie sich an den Support wenden, nennen Sie bitte diese Kennung:
result-expired-heading = Diese Anfrage ist abgelaufen
result-expired-text = Zu Ihrer Sicherheit gilt eine Anfrage nur kurze Zeit. Es wurde nichts an { $tenant } weitergegeben.
result-expired-next = Gehen Sie zurück zu { $tenant } und beginnen Sie neu.
result-used-heading = Diese Anfrage wurde bereits verwendet
result-used-text = Jede Anfrage funktioniert nur einmal. Wenn Sie sie abgeschlossen haben, ist nichts mehr zu tun.
result-used-next = Den Stand Ihrer Verbindung sehen Sie in { $tenant }.
result-cancelled-heading = Sie haben abgebrochen
result-cancelled-text = Es wurde nichts an { $tenant } weitergegeben.
result-cancelled-next = Sie können jederzeit neu beginnen.
result-retry = Noch einmal versuchen
result-back = Zurück zu { $tenant }
result-close = Sie können diese Seite schließen.

## In einem anderen Browser geöffnet

other-heading = Bitte gehen Sie dorthin zurück, wo Sie begonnen haben
other-text = Ihre Bank hat diese Seite in einem anderen Browser oder einer anderen App geöffnet. Zu Ihrem Schutz lässt sich die Verbindung nur in dem Browser abschließen, in dem Sie begonnen haben. Bisher wurde nichts weitergegeben.
other-steps-title = So geht es weiter
other-step-return = Gehen Sie zurück in den Browser oder die App, in der Sie begonnen haben.
other-step-again = Wählen Sie dort Ihre Bank noch einmal aus und gehen Sie weiter zur Bank.
other-step-web = Wenn Ihre Banking-App Sie wieder hierher führt, melden Sie sich auf der Webseite Ihrer Bank statt in der App an, oder machen Sie den Browser, in dem Sie begonnen haben, zu Ihrem Standardbrowser.
other-warning-title = Sie haben das nicht selbst begonnen?
other-warning = Dann hat Ihnen vielleicht jemand seinen Link geschickt. Schließen Sie diese Seite. Geben Sie einen solchen Link nie weiter und öffnen Sie keinen, den Sie nicht selbst angefordert haben.

## Störungen

problem-not-found-heading = Diese Seite wurde nicht gefunden
problem-not-found-text = Der Link ist unvollständig, wurde schon verwendet oder ist nicht mehr gültig.
problem-not-found-next = Gehen Sie zurück zu dem Dienst, von dem Sie kommen, und beginnen Sie die Verbindung neu.
problem-expired-heading = Dieser Link ist abgelaufen
problem-expired-text = Zu Ihrer Sicherheit gilt ein Verbindungslink nur kurze Zeit.
problem-expired-next = Gehen Sie zurück zu dem Dienst, von dem Sie kommen, und beginnen Sie die Verbindung neu.
problem-many-heading = Zu viele Anfragen
problem-many-text = Von Ihrem Anschluss kamen in kurzer Zeit sehr viele Anfragen.
problem-many-next =
    { $count ->
        [one] Warten Sie eine Sekunde und laden Sie diese Seite dann neu.
       *[other] Warten Sie { $count } Sekunden und laden Sie diese Seite dann neu.
    }
problem-cookies-heading = Ihr Browser hat unser Cookie nicht behalten
problem-cookies-text = Ein kurzlebiges Cookie stellt sicher, dass nur dieser Browser die Verbindung abschließen kann. Es dient keinem anderen Zweck.
problem-cookies-allow = Erlauben Sie in den Einstellungen Ihres Browsers Cookies für diese Seite.
problem-cookies-private = Private Fenster und Inhaltsblocker lehnen Cookies manchmal ab. Verwenden Sie im Zweifel ein normales Fenster.
problem-cookies-same = Bleiben Sie von Anfang bis Ende im selben Browser.
problem-form-heading = Diese Seite war zu lange geöffnet
problem-form-text = Ihre Eingabe konnte dieser Seite nicht mehr zugeordnet werden. Es wurde nichts geändert.
problem-form-next = Öffnen Sie die Seite noch einmal und wiederholen Sie den letzten Schritt.
problem-maintenance-heading = Wir sind gleich wieder da
problem-maintenance-text = Die Bankverbindungen werden gerade gewartet. Bestehende Verbindungen sind nicht betroffen.
problem-maintenance-next = Bitte versuchen Sie es in einigen Minuten noch einmal.
problem-internal-heading = Etwas ist schiefgegangen
problem-internal-text = Der Fehler liegt bei uns und wurde festgehalten.
problem-internal-next = Bitte versuchen Sie es in einigen Minuten noch einmal.
problem-steps-title = Was Sie tun können
problem-reload = Noch einmal versuchen

## Datum

date-long = { $day }. { $month } { $year }
month-1 = Januar
month-2 = Februar
month-3 = März
month-4 = April
month-5 = Mai
month-6 = Juni
month-7 = Juli
month-8 = August
month-9 = September
month-10 = Oktober
month-11 = November
month-12 = Dezember

## Länder (ISO 3166-1): Europäischer Wirtschaftsraum, Schweiz, Vereinigtes Königreich

country-AT = Österreich
country-BE = Belgien
country-BG = Bulgarien
country-CH = Schweiz
country-CY = Zypern
country-CZ = Tschechien
country-DE = Deutschland
country-DK = Dänemark
country-EE = Estland
country-ES = Spanien
country-FI = Finnland
country-FR = Frankreich
country-GB = Vereinigtes Königreich
country-GR = Griechenland
country-HR = Kroatien
country-HU = Ungarn
country-IE = Irland
country-IS = Island
country-IT = Italien
country-LI = Liechtenstein
country-LT = Litauen
country-LU = Luxemburg
country-LV = Lettland
country-MT = Malta
country-NL = Niederlande
country-NO = Norwegen
country-PL = Polen
country-PT = Portugal
country-RO = Rumänien
country-SE = Schweden
country-SI = Slowenien
country-SK = Slowakei
